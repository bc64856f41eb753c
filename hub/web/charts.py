"""Charts as SVG, drawn here: lines and bars that read in print, in black and white, and, by their table, aloud.

Each series has its own dash, mark and hatching beside its colour; the template writes the figures in a table under the drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hub.web import french

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 640, 250
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 14, 40
MOST_LABELS = 7
LONGEST_LABEL = 12
WIDEST_BAR = 64  # a flow that has one delivery is no slab of ink
HOUR = 3600
ROUND_TIMES = (4, 20, 60, 240, 480, 1200, 2400, 2 * HOUR, *(4 * HOUR * 2**times for times in range(12)))


@dataclass(frozen=True, kw_only=True)
class Series:
    """One line or one kind of bar: its name, and a value for each label; None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point of a series, or a bar: where it stands and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A series as drawn: its rank gives dash, mark and hatching; its path is empty for bars."""

    name: str
    rank: int
    path: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing and its figures. ``unit`` writes a value; ``bars`` are stacked, in the order of the series."""

    id: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: Callable[[float | None], str] = french.number
    bars: bool = False
    whole: bool = False
    what: str = "Livraison"

    @property
    def empty(self) -> bool:
        return not any(value is not None for each in self.series for value in each.values)

    @cached_property
    def top(self) -> float:
        """The value at the top of the axis: a round one; a share stops at 100 %."""
        sums = [
            sum(value or 0 for value in values) for values in zip(*(each.values for each in self.series), strict=True)
        ]
        known = [value for each in self.series for value in each.values if value is not None]
        highest = max(sums if self.bars else known, default=0) or 1
        if self.whole and highest <= 1:
            return 1.0
        if self.unit is french.seconds:
            return float(next((top for top in ROUND_TIMES if top >= highest), highest))
        step = 10 ** math.floor(math.log10(highest))
        rounds = (step * times for times in (1, 2, 2.5, 4, 5, 8, 10, 20, 40))
        return float(next(top for top in rounds if top >= highest and self._tells_apart(top)))

    def _tells_apart(self, top: float) -> bool:
        """Whether a quarter of it is a figure the unit writes whole: no two lines across may read the same."""
        quarter = top / 4 / (0.001 if self.unit is french.percent else 1)
        return math.isclose(quarter, round(quarter), abs_tol=1e-6)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Heights and values of the lines across."""
        return [(self._y(self.top * part / 4), self.unit(self.top * part / 4)) for part in range(5)]

    @property
    def marks_below(self) -> list[tuple[float, list[str]]]:
        """A few of the labels, evenly, so that they do not run into each other; a long one is cut in two lines."""
        step = max(1, math.ceil(len(self.labels) / MOST_LABELS))
        return [(self._x(place), _in_two(label)) for place, label in enumerate(self.labels) if place % step == 0]

    @cached_property
    def drawn(self) -> list[Drawn]:
        """Every series, ready to be written."""
        return self._bars() if self.bars else [self._line(rank, each) for rank, each in enumerate(self.series)]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The figures, one row a label."""
        return [
            (label, [self.unit(each.values[place]) for each in self.series]) for place, label in enumerate(self.labels)
        ]

    def _x(self, place: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / max(len(self.labels), 1), 1)

    def _y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top, 1)

    def _line(self, rank: int, series: Series) -> Drawn:
        marks: list[Mark] = []
        path = ""
        broken = True
        for place, value in enumerate(series.values):
            if value is None:
                broken = True
                continue
            mark = self._mark(place, series, value, y=self._y(value))
            path += f"{'M' if broken else 'L'}{mark.x} {mark.y}"
            marks.append(mark)
            broken = False
        return Drawn(name=series.name, rank=rank, path=path, marks=tuple(marks))

    def _bars(self) -> list[Drawn]:
        below = [0.0] * len(self.labels)
        width = min(WIDEST_BAR, round((WIDTH - LEFT - RIGHT) / max(len(self.labels), 1) * 0.7, 1))
        drawn: list[Drawn] = []
        for rank, series in enumerate(self.series):
            marks: list[Mark] = []
            for place, value in enumerate(series.values):
                y, foot = self._y(below[place] + (value or 0)), self._y(below[place])
                below[place] += value or 0
                if value:
                    marks.append(self._mark(place, series, value, y=y, width=width, height=round(foot - y, 1)))
            drawn.append(Drawn(name=series.name, rank=rank, path="", marks=tuple(marks)))
        return drawn

    def _mark(self, place: int, series: Series, value: float, *, y: float, width: float = 0, height: float = 0) -> Mark:
        title = f"{self.labels[place]}, {series.name} : {self.unit(value)}"
        return Mark(x=round(self._x(place) - width / 2, 1), y=y, width=width, height=height, title=title)


def _in_two(label: str) -> list[str]:
    head, _, tail = label.partition(" : ")
    return [head, tail] if tail and len(label) > LONGEST_LABEL else [label]
