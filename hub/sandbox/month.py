"""A month of one CAF's deliveries, with all that goes wrong in a month: what an operator must be able to see and mend.

Pictures of July to October, then a file each working day of November; one of each kind of incident on the way.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.population import Population

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hub.sandbox.population import Adult

PARIS = ZoneInfo("Europe/Paris")
DEPARTEMENT = "08"
PICTURES = (date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30))
LAST_PICTURE = date(2026, 10, 31)
NOVEMBER = tuple(date(2026, 11, number) for number in range(2, 31))
DAY_OFF = 6  # no file on Sundays

# What goes wrong, and the alarm that must say so.
COLLAPSED, MISSING, REPEATED, REDATED = date(2026, 11, 1), date(2026, 11, 10), date(2026, 11, 12), date(2026, 11, 14)
NEWCOMERS, LATE, TRUNCATED, RENAMED = date(2026, 11, 9), date(2026, 11, 17), date(2026, 11, 20), date(2026, 11, 25)
INCIDENTS = {
    "volume_effondre": "livraison_retenue",
    "jour_manquant": "livraison_manquante",
    "jour_repete": "livraison_repetee",
    "ancien_fichier_redate": "livraison_redatee",
    "jours_inverses": "dans_le_desordre",
    "fichier_tronque": "livraison_refusee",
    "colonne_renommee": "livraison_retenue",
}


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A file the CAF leaves: when, under which name, with which bytes, and the incident it stands for."""

    at: datetime
    name: str
    content: bytes
    incident: str | None = None

    def leave(self, folder: Path) -> None:
        """Write it under a temporary name, date it, rename it."""
        temporary = folder / f".{self.name}.part"
        temporary.write_bytes(self.content)
        moment = self.at.timestamp()
        os.utime(temporary, (moment, moment))
        temporary.rename(folder / self.name)


class Month:
    """The files of the month, in the order they are left."""

    def __init__(self, *, seed: int, size: int) -> None:
        self._population = Population(seed=seed, size=size)
        self._seed = seed

    def drops(self) -> Iterator[Drop]:
        """Every file of the month. Some households leave with October's picture, some come on a day of November."""
        known = [adult for adult in self._population.adults if adult.household % 31]
        for when in PICTURES:
            yield self._picture(when, known)
        known = [adult for adult in known if adult.household % 29]
        yield from self._collapse(known)
        held_back: Drop | None = None
        for number, when in enumerate(NOVEMBER, 1):
            known, changed = self._overnight(known, number, when)
            if when.weekday() == DAY_OFF or when == MISSING:
                continue
            drop = self._daily(when, changed)
            if when == LATE:  # it comes the next day, after the file of that day
                held_back = drop
                continue
            yield from self._spoilt(drop, when)
            if held_back is not None:
                at = drop.at + timedelta(hours=2)
                yield Drop(at=at, name=held_back.name, content=held_back.content, incident="jours_inverses")
                held_back = None

    def _overnight(self, known: list[Adult], number: int, when: date) -> tuple[list[Adult], list[Adult]]:
        """Who the CAF follows that day, and the members of the households in which something changed."""
        today = [self._population.next_day(adult, number) for adult in known]
        changed = {old.household for old, new in zip(known, today, strict=True) if old != new}
        if when == NEWCOMERS:
            come = [adult for adult in self._population.adults if adult.household % 31 == 0]
            changed |= {adult.household for adult in come}
            today += come
        return today, [adult for adult in today if adult.household in changed]

    def _collapse(self, people: Sequence[Adult]) -> Iterator[Drop]:
        """October's picture with a few of the households; the whole one in the afternoon."""
        half = self._picture(LAST_PICTURE, [adult for adult in people if adult.household % 7 == 0])
        yield Drop(at=half.at, name=half.name, content=half.content, incident="volume_effondre")
        whole = self._picture(LAST_PICTURE, people)
        again = whole.content.replace(b"01:18:36.0000", b"14:18:36.0000", 1)
        yield Drop(at=whole.at + timedelta(hours=9), name=whole.name.replace(".xml", "_bis.xml"), content=again)

    def _spoilt(self, drop: Drop, when: date) -> Iterator[Drop]:
        """The day's file, or what became of it, then whatever mends it."""
        later = drop.at + timedelta(hours=6)
        if when == TRUNCATED:
            yield Drop(
                at=drop.at,
                name=drop.name,
                content=drop.content[: len(drop.content) * 2 // 3],
                incident="fichier_tronque",
            )
            yield Drop(at=later, name=drop.name, content=drop.content)
            return
        if when == RENAMED:
            renamed = drop.content.replace(b"CODEPOS>", b"CODEPOSTAL>")
            yield Drop(at=drop.at, name=drop.name, content=renamed, incident="colonne_renommee")
            mended = drop.content.replace(b"01:18:36.0000", b"09:18:36.0000", 1)
            yield Drop(at=later, name=drop.name.replace(".xml", "_bis.xml"), content=mended)
            return
        yield drop
        if when == REPEATED:
            again = drop.name.replace(".xml", "_bis.xml")
            yield Drop(at=later, name=again, content=drop.content, incident="jour_repete")
        if when == REDATED:
            yield Drop(at=later, name=drop.name, content=drop.content, incident="ancien_fichier_redate")

    def _picture(self, when: date, people: Sequence[Adult]) -> Drop:
        content = self._write(when, people, full=True)
        return Drop(
            at=morning(when + timedelta(days=1)), name=f"RSABEM{DEPARTEMENT}_{when:%Y%m%d}.xml", content=content
        )

    def _daily(self, when: date, people: Sequence[Adult]) -> Drop:
        content = self._write(when, people, full=False)
        return Drop(at=morning(when), name=f"RSABEI{DEPARTEMENT}_{when:%Y%m%d}.xml", content=content)

    def _write(self, when: date, people: Sequence[Adult], *, full: bool) -> bytes:
        content = io.BytesIO()
        known = of_departement(people, DEPARTEMENT)
        write_cnaf(content, known, departement=DEPARTEMENT, when=when, seed=self._seed, full=full)
        return content.getvalue()


def morning(day: date) -> datetime:
    """When the CAF leaves its files: at six in the morning, in Paris."""
    return datetime.combine(day, time(6), tzinfo=PARIS)
