"""Crossed out: the record that goes says nothing any more; every other byte that matters stays where it was."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from connectors.declaration import load_flows
from connectors.formats import CsvFormat, JsonLinesFormat
from hub.rights.masking import Gone, masked

sys.path.insert(0, str(Path(__file__).parent.parent / "integration"))
from intake import caf

XML = load_flows()["caf_rsa"].format


def again(content, layout, records, units=None):
    gone = Gone(records=frozenset(records), units=units or {})
    return b"".join(masked(io.BytesIO(content), layout, gone))


def test_a_line_of_csv_keeps_its_separators_and_its_place():
    content = 'nom;prénom;n°\r\nDURAND;Zoé;1\r\n\r\n"LE;GALL";Anne;2\r\n'.encode()

    assert (
        again(content, CsvFormat(reader="csv"), [2])
        == 'nom;prénom;n°\r\nDURAND;Zoé;1\r\n\r\n"XX;XXXX";XXXX;X\r\n'.encode()
    )
    assert again(content, CsvFormat(reader="csv"), [1]).splitlines()[1] == b"XXXXXX;XXXX;X"


def test_a_line_of_json_keeps_its_shape():
    content = b'{"a": "Zo\\u00e9", "b": [{"c": 12, "d": true}]}\n\n{"a": "Anne"}\n'

    first, _, second = again(content, JsonLinesFormat(reader="json_lines"), [1]).split(b"\n")[:3]

    assert json.loads(first) == {"a": "X", "b": [{"c": None, "d": None}]}
    assert second == b'{"a": "Anne"}'


def test_a_household_of_one_goes_whole_and_its_neighbours_stay():
    content = caf("2026-11-01", [(1, "ZOE", "08000"), (2, "ANNE", "08100"), (3, "LEA", "08200")])

    done = again(content, XML, [2], {2: None})

    assert b"ANNE" not in done
    assert b"08100" not in done
    assert b"00000000002" not in done
    assert done.count(b"<ROLEPERS>DEM</ROLEPERS>") == 3
    assert len(done) == len(content)
    for kept in (b"ZOE", b"LEA", b"08000", b"08200", b"<NBTOTDOSRSATRANSM>00000003<", b"<DTCREAFLUX>2026-11-01<"):
        assert kept in done


CHILD = b"<Personne><Identification><PRENOM>TOM</PRENOM></Identification><Prestations><NATPREST>RSA</NATPREST><ROLEPERS>ENF</ROLEPERS></Prestations></Personne>"


@pytest.mark.parametrize(("place", "goes", "stays"), [(0, b"ZOE", b"PAUL"), (1, b"PAUL", b"ZOE")])
def test_of_a_couple_the_one_who_stays_stays(place, goes, stays):
    content = caf("2026-11-01", [(1, "ZOE", "08000")])
    start, end = content.index(b"<Personne>"), content.index(b"</Personne>") + len(b"</Personne>")
    partner = content[start:end].replace(b"ZOE", b"PAUL").replace(b">DEM<", b">CJT<")
    content = content[:end] + CHILD + partner + content[end:]

    done = again(content, XML, [1 + place], {1: frozenset({place})})

    assert goes not in done
    assert stays in done
    assert b"TOM" in done
    assert b"08000" in done


def test_a_unit_cut_by_the_block_that_is_read_goes_all_the_same(monkeypatch):
    monkeypatch.setattr("hub.rights.masking.BLOCK", 37)
    content = caf("2026-11-01", [(1, "ZOE", "08000"), (2, "ANNE", "08100")])

    done = again(content, XML, [2], {2: None})

    assert b"ANNE" not in done
    assert b"ZOE" in done
