"""Writers: what partners load is deterministic, and no cell runs in a spreadsheet."""

from __future__ import annotations

import io

import pytest

from connectors.writers.files import harmless, write_csv, write_json_lines


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("-2+3", "'-2+3"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("\tx", "'\tx"),
        ("+33612345678", "+33612345678"),
        ("rue =", "rue ="),
        ("", ""),
    ],
)
def test_a_cell_a_spreadsheet_would_run_is_made_harmless(cell, written):
    assert harmless(cell) == written


def test_csv_is_quoted_where_it_must_be():
    sink = io.BytesIO()

    count = write_csv(sink, ("a", "b"), [{"a": "x;y", "b": 'say "no"'}, {"a": "é"}])

    assert count == 2
    assert sink.getvalue().decode() == 'a;b\n"x;y";"say ""no"""\né;\n'


def test_json_lines_hold_one_object_a_line():
    sink = io.BytesIO()

    count = write_json_lines(sink, [{"a": 1}, {"b": "é"}])

    assert count == 2
    assert sink.getvalue() == '{"a":1}\n{"b":"é"}\n'.encode()
