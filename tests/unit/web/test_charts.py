"""Charts: every figure is in the drawing and in the table, nothing falls outside, gaps are gaps."""

from __future__ import annotations

import pytest

from hub.web import french
from hub.web.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Series


def chart(*values, bars=False, **given):
    series = [Series(name=f"s{rank}", values=each) for rank, each in enumerate(values)]
    labels = [f"{number:02d}/11" for number in range(len(values[0]))]
    return Chart(id="essai", title="Essai", labels=labels, series=series, bars=bars, **given)


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (1, 4), (3, 4), (7, 8), (11, 20), (24, 40), (81, 100), (121, 200), (9_999, 10_000)]
)
def test_the_axis_ends_at_a_round_value_above_the_highest(highest, top):
    assert chart([0, highest]).top == pytest.approx(top)


@pytest.mark.parametrize(
    ("unit", "highest", "said"),
    [
        (french.number, 1, ["0", "1", "2", "3", "4"]),
        (french.percent, 0.0093, ["0\u202f%", "0,5\u202f%", "1\u202f%", "1,5\u202f%", "2\u202f%"]),
        (french.seconds, 300, ["0\u202fs", "2\u202fmin", "4\u202fmin", "6\u202fmin", "8\u202fmin"]),
        (french.seconds, 50_000, ["0\u202fs", "4\u202fh", "8\u202fh", "12\u202fh", "16\u202fh"]),
    ],
)
def test_no_two_lines_across_read_the_same(unit, highest, said):
    assert [label for _, label in chart([0, highest], unit=unit).ticks] == said


def test_a_long_label_is_cut_in_two_lines():
    drawing = Chart(id="essai", title="Essai", labels=["CAF", "Département 08 : fichier pivot"], series=[], bars=True)

    assert [label for _, label in drawing.marks_below] == [["CAF"], ["Département 08", "fichier pivot"]]


def test_a_share_is_drawn_on_the_whole():
    assert chart([0.1, 0.2], whole=True).top == 1


def test_everything_stands_inside_the_frame():
    for drawing in (chart([0, 50, 100], [3, None, 7]), chart([1, 2, 3], [4, 5, 6], bars=True)):
        for mark in (mark for each in drawing.drawn for mark in each.marks):
            assert mark.x >= LEFT
            assert mark.x + mark.width <= WIDTH - RIGHT
            assert mark.y >= TOP
            assert mark.y + mark.height <= HEIGHT - BOTTOM + 0.2


def test_stacked_bars_stand_on_each_other():
    below, above = chart([10], [5], bars=True).drawn

    assert above.marks[0].y + above.marks[0].height == pytest.approx(below.marks[0].y, abs=0.2)
    assert below.marks[0].height == pytest.approx(2 * above.marks[0].height, abs=0.2)


def test_a_missing_value_breaks_the_line_and_is_a_dash_in_the_table():
    drawing = chart([1, None, 3])

    assert drawing.drawn[0].path.count("M") == 2
    assert len(drawing.drawn[0].marks) == 2
    assert [cells for _, cells in drawing.rows] == [["1"], ["–"], ["3"]]


def test_few_labels_stand_under_many_values():
    assert len(chart(list(range(60))).marks_below) <= 7


def test_each_mark_says_what_it_stands_for():
    (drawn,) = chart([0.125], unit=french.percent, whole=True).drawn

    assert drawn.marks[0].title == "00/11, s0 : 12,5\u202f%"


def test_nothing_to_draw_is_said():
    assert chart([None, None]).empty
    assert not chart([0, None]).empty
