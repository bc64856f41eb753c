"""Readers: what was asked comes out, what is odd is named, what cannot be read is refused with the place."""

from __future__ import annotations

import io
import textwrap
from datetime import date

import pytest

from connectors.base import Wanted
from connectors.control import check_header, control_total, is_full_picture, order_key, reference_date
from connectors.declaration import Flow, load_flows
from connectors.opening import open_reader
from connectors.readers.csv_rows import CsvReader, same_header
from connectors.readers.json_lines import JsonLinesReader
from schemas.errors import FixTheDelivery

CAF = load_flows()["caf_rsa"]
NAME, CLAIM = "Personne/Identification/NOM", "IdentificationRSA/DemandeRSA/NUMDEMRSA"
SUSPENDED = "PrestationRSA/SituationDossierRSA/SuspensionVersement[]"


def household(claim: str = "1", role: str = "DEM", name: str = " MARTIN ", more: str = "") -> str:
    return (
        f"<InfosFoyerRSA><IdentificationRSA><Organisme><NUMORG>081</NUMORG></Organisme><DemandeRSA><NUMDEMRSA>{claim}"
        f"</NUMDEMRSA></DemandeRSA></IdentificationRSA><Personne><Identification><NOM>{name}</NOM></Identification>"
        f"<Prestations><NATPREST>PFA</NATPREST><ROLEPERS>DEM</ROLEPERS></Prestations>"
        f"<Prestations><NATPREST>RSA</NATPREST><ROLEPERS>{role}</ROLEPERS></Prestations></Personne>{more}</InfosFoyerRSA>"
    )


def delivery(*households: str, total: int | None = None, before: str = "") -> bytes:
    count = len(households) if total is None else total
    return (
        f'<?xml version="1.0" encoding="windows-1252"?>{before}<Racine><IdentificationFlux><TYPEFLUX>M</TYPEFLUX>'
        "<DTREF>2026-10-31</DTREF><DTCREAFLUX>2026-11-01</DTCREAFLUX><HEUCREAFLUX>01:00:00.00</HEUCREAFLUX></IdentificationFlux>"
        f"{''.join(households)}<TransmissionFlux><NBTOTDOSRSATRANSM>{count:08d}</NBTOTDOSRSATRANSM>"
        "<NBTOTDOSRSATRANSMANO>00000000</NBTOTDOSRSATRANSMANO></TransmissionFlux></Racine>"
    ).encode("cp1252")


def read_xml(content: bytes, *columns: str, flow: Flow = CAF, chunk: int = 2000):
    reader = open_reader(flow, io.BytesIO(content), columns or (NAME, CLAIM), chunk=chunk)
    chunks = list(reader.chunks())
    return reader.reading, chunks


def test_leaves_are_stripped_and_accents_follow_the_declared_encoding():
    _, chunks = read_xml(delivery(household(name=" LEFÈVRE  ")))

    assert chunks[0].frame[NAME].tolist() == ["LEFÈVRE"]


def test_only_adults_of_the_rsa_leave_the_reader():
    reading, chunks = read_xml(delivery(household(role="DEM"), household("2", role="ENF"), household("3", role="CJT")))

    assert (reading.units, reading.records) == (3, 2)
    assert chunks[0].frame["#unit"].tolist() == [1, 3]


def test_records_come_in_bounded_chunks_numbered_from_one():
    _, chunks = read_xml(delivery(*(household(str(n)) for n in range(7))), chunk=3)

    assert [chunk.frame.index.tolist() for chunk in chunks] == [[1, 2, 3], [4, 5, 6], [7]]


def test_every_occurrence_of_a_repeated_group_is_kept():
    more = "".join(
        f"<SuspensionVersement><MOTISUSVERSRSA>{reason}</MOTISUSVERSRSA></SuspensionVersement>"
        for reason in ("06", "CG")
    )
    content = delivery(
        household(more=f"<PrestationRSA><SituationDossierRSA>{more}</SituationDossierRSA></PrestationRSA>")
    )

    _, chunks = read_xml(content, NAME, SUSPENDED)

    assert [each["MOTISUSVERSRSA"] for each in chunks[0].frame[SUSPENDED].iloc[0]] == ["06", "CG"]


def test_an_element_nobody_asked_for_is_reported():
    reading, _ = read_xml(delivery(household(more="<Nouveau><X>1</X></Nouveau>")))

    assert reading.unknown_columns == {"Nouveau": 1}


def test_a_claim_number_seen_twice_is_counted():
    reading, _ = read_xml(delivery(household("1"), household("1")), NAME, CLAIM, "IdentificationRSA/Organisme/NUMORG")

    assert reading.repeated_units == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "XML illisible"),
        (b"not xml at all", "XML illisible"),
        (delivery(household())[:-40], "ligne 1"),
        (delivery(household(), household("2"))[:700], "après le dossier"),
        (delivery(household(), before="<!DOCTYPE Racine>"), "DOCTYPE"),
        (delivery(household(), before='<!DOCTYPE Racine [<!ENTITY a "b">]>'), "DOCTYPE"),
        (delivery(household(), before='<!DOCTYPE Racine SYSTEM "file:///etc/hostname">'), "DOCTYPE"),
        (b"<Racine><Autre/></Racine>", "pas d'en-tête"),
        (b"<a>" * 5000, "XML illisible"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(content, said):
    with pytest.raises(FixTheDelivery, match=said):
        read_xml(content)


@pytest.mark.parametrize(
    ("counted", "total", "aside", "agrees"),
    [(2, 2, 0, True), (2, 1, 0, False), (2, 3, 0, False), (2, 3, 1, True), (2, 3, 2, False)],
)
def test_the_partner_s_total_is_compared_with_what_was_read(counted, total, aside, agrees):
    content = delivery(*(household(str(n)) for n in range(counted)), total=total)
    content = content.replace(b"ANO>00000000", f"ANO>{aside:08d}".encode())
    reading, _ = read_xml(content)

    checked = control_total(CAF, reading)

    assert checked.agrees is agrees
    assert (checked.expected, checked.counted) == (total, counted)


def test_a_missing_total_agrees_with_nothing():
    reading, _ = read_xml(delivery(household()).replace(b"NBTOTDOSRSATRANSM>", b"AUTRE>"))

    assert control_total(CAF, reading).agrees is False


def test_the_header_says_the_order_the_date_and_whether_it_is_everybody():
    reading, _ = read_xml(delivery(household()))

    assert order_key(CAF, reading.header, "-") == "2026-10-31|2026-11-01|01:00:00.00"
    assert reference_date(CAF, reading.header).isoformat() == "2026-10-31"
    assert is_full_picture(CAF, reading.header) is True
    assert is_full_picture(CAF, {"TYPEFLUX": "I"}) is False


PIVOT = load_flows()["departement_pivot"]


def read_csv(content: bytes, *columns: str, ignored: tuple[str, ...] = ()):
    layout = PIVOT.format
    reader = CsvReader(layout, io.BytesIO(content), Wanted(columns=columns, ignored=frozenset(ignored)))
    chunks = list(reader.chunks())
    return reader.reading, chunks


@pytest.mark.parametrize(
    "header", ["Date de naissance*", " date  de\nnaissance ", "DATE DE NAISSANCE\t", "Date de naissance"]
)
def test_headers_are_compared_as_people_type_them(header):
    assert same_header(header) == "date de naissance"


def test_a_byte_order_mark_and_quoted_newlines_are_no_trouble():
    _, chunks = read_csv('\ufeffNom*;Adresse\nMartin;"11 rue\nHaute"\n'.encode(), "Nom", "Adresse")

    assert chunks[0].frame[["Nom", "Adresse"]].to_numpy().tolist() == [["Martin", "11 rue\nHaute"]]


def test_latin_letters_in_a_utf8_file_are_repaired_and_counted():
    reading, chunks = read_csv("Nom\nLefèvre\n".encode() + "Gérard\n".encode("latin-1"), "Nom")

    assert chunks[0].frame["Nom"].tolist() == ["Lefèvre", "Gérard"]
    assert reading.repairs == {"encodage": 1}


def test_a_row_that_does_not_fit_is_rejected_alone():
    _, chunks = read_csv(b"A;B\n1;2\n3\n4;5;6\n7;8;\n", "A", "B")

    assert chunks[0].frame["A"].tolist() == ["1", "7"]
    assert [(each.record, each.rule) for each in chunks[0].rejected] == [
        (2, "nombre_de_colonnes"),
        (3, "nombre_de_colonnes"),
    ]


def test_a_stray_quote_costs_no_other_row():
    reading, chunks = read_csv(b'A;B\n1;2\n"3;4\n5;6\n7;"8\n9;0\n', "A", "B")

    assert chunks[0].frame["A"].tolist() == ["1", "3", "5", "7", "9"]
    assert chunks[0].frame["B"].tolist() == ["2", "4", "6", "8", "0"]
    assert reading.repairs == {"guillemet_isole": 2}


def test_a_quoted_cell_may_hold_a_new_line_and_lines_may_end_as_on_an_old_macintosh():
    _, quoted = read_csv(b'A;B\n1;"2\n3"\n', "A", "B")
    _, macintosh = read_csv(b"A;B\r1;2\r3;4\r", "A", "B")

    assert quoted[0].frame["B"].tolist() == ["2\n3"]
    assert macintosh[0].frame["A"].tolist() == ["1", "3"]


def test_empty_rows_null_words_and_nul_bytes_mean_nothing():
    reading, chunks = read_csv(b"A;B\n;;\n\n NULL ;x\0y\n", "A", "B")

    assert chunks[0].frame.loc[1, ["A", "B"]].tolist() == [None, "xy"]
    assert reading.records == 1
    assert reading.repairs["octet_nul"] == 1


def test_columns_that_came_or_went_are_named():
    reading, _ = read_csv(b"A;Nouvelle;RQTH\n1;2;3\n", "A", "B", ignored=("RQTH",))

    assert reading.unknown_columns == {"Nouvelle": 1}
    assert reading.missing_columns == ["B"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "pas de ligne d'en-tête"),
        (b"\n\n", "pas de ligne d'en-tête"),
        (b"X;Y\n1;2\n", "Aucune colonne attendue"),
        (b"A;" * 2000 + b"\n", "colonnes"),
        (b'"' + b"x" * 200_000 + b"\n1\n", "guillemet"),
        (b"A;B;A\n1;2;3\n", "deux fois"),
        ("A;B\n1;2\n".encode("utf-16"), "UTF-16"),
        (b"A\n" + b"x" * 2_000_000, "million"),
    ],
)
def test_a_file_that_is_no_delivery_is_refused(content, said):
    with pytest.raises(FixTheDelivery, match=said):
        read_csv(content, "A")


def read_json(content: str, *columns: str):
    reader = JsonLinesReader(io.BytesIO(textwrap.dedent(content).encode()), Wanted(columns=columns))
    return reader.reading, list(reader.chunks())


def test_json_paths_lists_and_the_word_null():
    _, chunks = read_json(
        '{"a":{"b":" x ","n":"null"},"l":[{"c":1},{"c":2}]}\n', "a.b", "a.n", "l[]", "l[1].c", "l[5].c"
    )

    assert chunks[0].frame.loc[1, ["a.b", "a.n", "l[1].c", "l[5].c"]].tolist() == ["x", None, "2", None]
    assert chunks[0].frame.loc[1, "l[]"] == [{"c": "1"}, {"c": "2"}]


def test_a_line_that_is_not_an_object_is_rejected_alone():
    _, chunks = read_json('{"a":"1"}\nnot json\n[1]\n{"a":"2"}\n', "a")

    assert chunks[0].frame["a"].tolist() == ["1", "2"]
    assert [each.record for each in chunks[0].rejected] == [2, 3]


def test_a_key_nobody_knows_is_reported():
    reading, _ = read_json('{"a":{"b":"1","new":"2"}}\n', "a.b")

    assert reading.unknown_columns == {"a.new": 1}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DTREF": "9999-99-99"}, "DTREF"),
        ({"DTREF": ""}, "DTREF"),
        ({"DTREF": "2027-11-01"}, "futur"),
        ({"HEUCREAFLUX": "zzz"}, "HEUCREAFLUX"),
        ({}, None),
    ],
)
def test_a_header_that_does_not_say_its_place_in_the_order_is_refused(changed, said):
    header = {"DTREF": "2026-10-31", "DTCREAFLUX": "2026-11-01", "HEUCREAFLUX": "01:00:00.00"} | changed

    if said is None:
        check_header(CAF, header, today=date(2026, 11, 24))
    else:
        with pytest.raises(FixTheDelivery, match=said):
            check_header(CAF, header, today=date(2026, 11, 24))


def test_a_key_given_twice_in_one_object_is_not_believed():
    _, chunks = read_json('{"a":"1","a":"2"}\n{"a":"1","a":"1"}\n', "a")

    assert chunks[0].frame["a"].tolist() == ["1"]
    assert [(each.record, each.rule) for each in chunks[0].rejected] == [(1, "cle_json_repetee")]
