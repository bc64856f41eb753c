"""The sieve: whatever it sets aside, the parser counts the same units and the same records."""

from __future__ import annotations

import io
from hashlib import sha256

import pytest

from connectors.declaration import load_flows
from connectors.opening import open_reader
from connectors.readers.sieve import Recall

CAF = load_flows()["caf_rsa"]
COLUMNS = ("Personne/NOM", "Personne/PRENOM")


def unit(number, roles=("DEM",)):
    persons = "".join(
        f"<Personne><NOM>NOM{number}</NOM><PRENOM>P{role}</PRENOM><Prestations><NATPREST>RSA</NATPREST>"
        f"<ROLEPERS>{role}</ROLEPERS></Prestations></Personne>"
        for role in roles
    )
    return f"<InfosFoyerRSA>{persons}</InfosFoyerRSA>"


def document(units, before="", after=""):
    body = before + "\n".join(units) + after
    return (
        '<?xml version="1.0" encoding="windows-1252"?><Racine><IdentificationFlux><DTREF>2026-11-01</DTREF>'
        f"</IdentificationFlux>{body}<TransmissionFlux><N>1</N></TransmissionFlux></Racine>"
    ).encode("cp1252")


def read(content, known=(), chunk=2000, flow=CAF):
    """Records as (record, unit, name), the units set aside, and the digests of those read."""
    memory = {sha256(each.encode()).digest(): count for each, count in known}
    asked = []

    def look_up(digests):
        asked.extend(digests)
        return {digest: memory[digest] for digest in digests if digest in memory}

    recall = Recall(digest=lambda block: sha256(block).digest(), known=look_up)
    reader = open_reader(flow, io.BytesIO(content), COLUMNS, chunk=chunk, recall=recall)
    rows, aside, digests = [], [], {}
    for each in reader.chunks():
        frame = each.frame
        rows += list(zip(frame.index, frame["#unit"], frame["Personne/NOM"], strict=True))
        aside += [(one.unit, one.record) for one in each.known]
        digests |= each.digests
    return rows, aside, digests, reader.reading


def test_a_known_unit_keeps_its_place_and_its_records():
    units = [unit(1, ("DEM", "CJT")), unit(2, ("DEM", "CJT")), unit(3)]

    rows, aside, digests, reading = read(document(units), known=[(units[1], 2)])

    assert rows == [(1, 1, "NOM1"), (2, 1, "NOM1"), (5, 3, "NOM3")]
    assert aside == [(2, 3)]
    assert set(digests) == {1, 3}
    assert (reading.units, reading.records) == (3, 5)


def test_the_same_delivery_reads_the_same_with_and_without_a_memory():
    units = [unit(n, ("DEM", "CJT") if n % 3 else ("DEM",)) for n in range(300)]

    plain = read(document(units))
    sifted = read(document(units), known=[(units[n], 2 if n % 3 else 1) for n in range(0, 300, 2)], chunk=17)

    assert (plain[3].units, plain[3].records) == (sifted[3].units, sifted[3].records)
    assert [row for row in plain[0] if (row[1] - 1) % 2] == sifted[0]
    assert [one for one, _ in sifted[1]] == list(range(1, 301, 2))


@pytest.mark.parametrize("wrap", ["<!-- {} -->", "<Autre><![CDATA[{}]]></Autre>"])
def test_what_only_looks_like_a_unit_shifts_nothing(wrap):
    hidden, seen = unit(1), unit(2)

    rows, aside, digests, reading = read(document([seen], before=wrap.format(hidden)), known=[(hidden, 1)])

    assert (rows, aside, reading.units) == ([(1, 1, "NOM2")], [], 1)
    assert digests == {1: sha256(seen.encode()).digest()}


def test_a_mark_sent_by_the_partner_means_nothing():
    forged = unit(1).replace("<InfosFoyerRSA>", '<InfosFoyerRSA u0="0">')

    rows, aside, digests, _ = read(document([forged, unit(2)]), known=[(unit(2), 1)])

    assert rows == [(1, 1, "NOM1")]
    assert (aside, digests) == ([(2, 2)], {})


def test_a_tag_cut_by_the_end_of_a_block_is_still_found(monkeypatch):
    units = [unit(n) for n in range(40)]
    for size in (7, 64, 113):
        monkeypatch.setattr("connectors.readers.sieve.READ_BYTES", size)
        rows, aside, _, reading = read(document(units), known=[(units[5], 1)])
        assert (len(rows), aside, reading.units) == (39, [(6, 6)], 40)


def test_a_run_of_known_units_is_one_element_and_keeps_every_place():
    units = [unit(n, ("DEM", "CJT") if n % 2 else ("DEM",)) for n in range(6)]

    rows, aside, digests, reading = read(document(units), known=[(units[n], 1 + n % 2) for n in (1, 2, 3, 5)])

    assert rows == [(1, 1, "NOM0"), (7, 5, "NOM4")]
    assert aside == [(2, 2), (3, 4), (4, 5), (6, 8)]
    assert set(digests) == {1, 5}
    assert (reading.units, reading.records, reading.remembered) == (6, 9, 7)


def test_what_stands_between_two_known_units_still_meets_the_parser():
    units = [unit(1), unit(2)]
    body = units[0] + "<Autre>x</Autre>" + units[1]

    _, aside, _, reading = read(document([body]), known=[(each, 1) for each in units])

    assert aside == [(1, 1), (2, 2)]
    assert reading.units == 2


@pytest.mark.parametrize("end", ["<!-- vu -->", "<![CDATA[vu]]>"])
def test_a_unit_that_could_end_what_surrounds_it_is_read_each_time(end):
    holding = unit(1).replace("</Personne>", f"{end}</Personne>")

    rows, _, digests, _ = read(document([holding, unit(2)]))

    assert rows == [(1, 1, "NOM1"), (2, 2, "NOM2")]
    assert set(digests) == {2}
