"""``hub match`` from files to links, what it says of bad files, and what ``hub match evaluate`` counts."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hub.cli.commands import app
from hub.identity.french.person import COLUMNS
from hub.identity.match.evaluation import evaluate
from hub.identity.match.persons import gather
from schemas.errors import FixTheDeclaration, FixTheDelivery
from schemas.nir import key_of

CERTIFIED = "1850675056024" + key_of("1850675056024")
TWIN = "1850675056025" + key_of("1850675056025")
LEA = {
    "birth_name": "MARTIN",
    "first_names": "LEA",
    "birth_date": "1990-03-12",
    "birth_place_insee": "08105",
    "sex": "2",
    "phone": "0612345679",
}
LUCAS = {
    "nir": CERTIFIED,
    "birth_name": "PETIT",
    "first_names": "LUCAS",
    "birth_date": "1985-06-12",
    "birth_place_insee": "75056",
    "sex": "1",
}
HUGO = LUCAS | {"nir": TWIN, "first_names": "HUGO"}


def write(path, rows, *, columns=("source_id", *COLUMNS)):
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, columns)
        writer.writeheader()
        writer.writerows({"source_id": f"{path.stem}-{number}", **row} for number, row in enumerate(rows))
    return path


def strangers(count):
    """People who only make the files long enough for a frequency to mean something."""
    names = ("BERNARD", "DUBOIS", "THOMAS", "ROBERT", "RICHARD", "DURAND", "MOREAU", "SIMON")
    return [
        {
            "birth_name": names[n % 8],
            "first_names": ("PAUL", "ANNE", "MARC")[n % 3],
            "birth_date": f"19{60 + n % 40}-{n % 12 + 1:02d}-{n % 27 + 1:02d}",
        }
        for n in range(count)
    ]


def run(*arguments):
    return CliRunner().invoke(app, ["match", *map(str, arguments)])


def links(path):
    return (
        list(csv.DictReader(path.read_text().splitlines()))
        if path.suffix == ".csv"
        else pq.read_table(path).to_pylist()
    )


@pytest.mark.parametrize("name", ["links.csv", "links.parquet"])
def test_the_same_people_are_linked_across_files_and_twins_are_not(tmp_path, name):
    caf = write(tmp_path / "caf.csv", [LEA, LUCAS, HUGO, *strangers(40)])
    typed = {
        "nir": " ".join(CERTIFIED),
        "birth_name": "Petit",
        "first_names": "Lucas, Paul",
        "birth_date": "12/06/1985",
        "sex": "M.",
    }
    lea = {
        "birth_name": "Dupont (née Martin)",
        "first_names": "Léa",
        "birth_date": "12/03/1990",
        "phone": "06 12 34 56 79",
        "birth_place_insee": "8105",
    }
    pe = write(tmp_path / "pe.csv", [typed, lea])

    said = run(caf, pe, "--out", tmp_path / name, "--json")

    assert said.exit_code == 0, said.output
    assert {(row["id_a"], row["id_b"], row["decision"]) for row in links(tmp_path / name)} == {
        ("caf-1", "pe-0", "linked"),
        ("caf-0", "pe-1", "linked"),
    }
    assert json.loads(said.stdout)["linked"] == 2
    assert "standardising" in said.stderr


def test_duplicates_inside_a_file_are_found_on_demand(tmp_path):
    caf = write(tmp_path / "caf.csv", [LEA, LEA | {"birth_name": "MARTTIN"}, LUCAS, HUGO, *strangers(40)])

    run(caf, "--out", tmp_path / "without.csv")
    said = run("--within", caf, "--out", tmp_path / "within.csv")

    assert said.exit_code == 0
    assert links(tmp_path / "without.csv") == []
    assert [(row["id_a"], row["id_b"]) for row in links(tmp_path / "within.csv")] == [("caf-0", "caf-1")]


def test_sources_come_from_a_column_when_there_is_one(tmp_path):
    rows = [{"source": "caf", **LEA}, {"source": "pe", **LEA}]
    both = write(tmp_path / "both.csv", rows, columns=("source", "source_id", *COLUMNS))

    run(both, "--out", tmp_path / "links.csv")

    assert [(row["source_a"], row["source_b"]) for row in links(tmp_path / "links.csv")] == [("caf", "pe")]


def test_columns_too_many_or_absent_are_said_and_no_value_is(tmp_path):
    rows = [{"source_id": "1", "birth_name": "MARTIN", "colour": "SECRET"}]
    file = write(tmp_path / "small.csv", rows, columns=("source_id", "birth_name", "colour"))

    said = run(file, "--out", tmp_path / "links.csv")

    assert said.exit_code == 0
    assert "columns not read: colour" in said.stdout
    assert "columns absent, taken as unknown: nir, usage_name" in said.stdout
    assert "SECRET" not in said.output


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "bad.csv is empty"),
        ("source_id,birth_name\n", "hold no record"),
        ("id,birth_name\n1,MARTIN\n", "bad.csv has no column source_id; its columns: id, birth_name"),
        ("source_id,colour\n1,red\n", "bad.csv has none of the columns nir, birth_name"),
        ("source_id,birth_name\n1,MARTIN\n,PETIT\n", "record 2 has no source_id"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_with_its_fault(tmp_path, text, fault):
    file = tmp_path / "bad.csv"
    file.write_text(text)

    said = run(file, "--out", tmp_path / "links.csv")

    assert isinstance(said.exception, FixTheDelivery)
    assert fault in str(said.exception)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_spreadsheet_is_read_however_it_was_saved(tmp_path, encoding, mark):
    cells = (" Source_ID ", "Birth_Name", "first_names", "birth_date", "sex", "phone"), (
        "7", "Müller", "Léa", "12 mars 1990", "Féminin", "+33 (0)6 12 34 56 79",
    )  # fmt: skip
    typed = tmp_path / "typed.csv"
    typed.write_text("\r\n".join(mark.join(row) for row in cells) + "\r\n", encoding=encoding)
    caf = write(tmp_path / "caf.csv", [LEA | {"birth_name": "MULLER"}, *strangers(40)])

    assert run(caf, typed, "--out", tmp_path / "links.csv").exit_code == 0

    assert [(row["id_a"], row["id_b"]) for row in links(tmp_path / "links.csv")] == [("caf-0", "7")]


def test_what_windows_writes_where_latin_1_has_nothing_is_read(tmp_path):
    typed, text = (
        tmp_path / "typed.csv",
        "source_id;birth_name;first_names;birth_date;phone\n7;L\u2019Hœst;Léa;12/03/1990;0612345679\n",
    )
    typed.write_bytes(text.encode("cp1252") + b"8;\x81\x90;;;\n")
    caf = write(tmp_path / "caf.csv", [LEA | {"birth_name": "L'HOEST"}, *strangers(40)])

    assert run(caf, typed, "--out", tmp_path / "links.csv").exit_code == 0

    assert [(row["id_a"], row["id_b"]) for row in links(tmp_path / "links.csv")] == [("caf-0", "7")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["caf.csv", "links.csv", "typed.csv"]


def test_an_identifier_on_several_records_is_said(tmp_path):
    caf = write(tmp_path / "caf.csv", [LEA, LUCAS | {"source_id": "caf-0"}, *strangers(40)])

    said = run(caf, "--out", tmp_path / "links.csv")

    assert "caf: 1 source_id stand on several records" in said.stdout


def test_a_parquet_that_is_none_is_refused(tmp_path):
    file = tmp_path / "bad.parquet"
    file.write_text("not parquet")

    said = run(file)

    assert "cannot be read as parquet" in str(said.exception)


def test_a_file_that_is_not_there_is_a_wrong_call(tmp_path):
    assert run(tmp_path / "nowhere.csv").exit_code == 2


def test_dates_that_cannot_be_are_unknown_and_stop_nothing(tmp_path):
    rows = [LEA | {"birth_date": date} for date in ("99/99/9999", "hier", "31/02/1990", "-1", "1e5")]
    caf, pe = write(tmp_path / "caf.csv", rows), write(tmp_path / "pe.csv", [LEA])

    assert run(caf, pe, "--out", tmp_path / "links.csv").exit_code == 0


def test_a_block_that_explodes_is_set_aside_and_said(tmp_path):
    caf, pe = write(tmp_path / "caf.csv", [LEA] * 400), write(tmp_path / "pe.csv", [LEA] * 400)

    said = run(caf, pe, "--out", tmp_path / "links.csv", "--json")

    document = json.loads(said.stdout)
    assert document["candidates"] == 0
    assert document["blocks_set_aside"]["date et lieu de naissance"] == {"blocks": 1, "pairs": 640_000}
    assert document["contacts_shared"] == {"phone": 1}


def test_too_little_memory_is_said_and_how_much_is_enough(tmp_path):
    caf = write(tmp_path / "caf.csv", strangers(20_000))

    said = run(caf, "--out", tmp_path / "links.csv", "--memory", 0.01)

    assert isinstance(said.exception, FixTheDeclaration)
    assert "0.01 GB are too little for these files: give --memory more" in str(said.exception)


def test_evaluate_counts_what_is_right_wrong_missed_and_whose(tmp_path):
    found = tmp_path / "links.csv"
    found.write_text(
        "source_a,id_a,source_b,id_b,score,decision\n"
        "caf,1,pe,1,0.99,linked\ncaf,2,pe,3,0.98,linked\ncaf,3,pe,2,0.97,linked\ncaf,4,pe,4,0.5,review\n"
    )
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "source,source_id,person,family,kind,origin\n"
        "caf,1,A,,,france\npe,1,A,,,france\ncaf,2,B,F,twin,france\npe,2,B,F,twin,france\ncaf,3,C,F,twin,france\n"
        "pe,3,D,,,abroad\ncaf,4,E,,,abroad\npe,4,E,,,abroad\n"
    )

    said = evaluate(found, truth)

    (pair,) = said["pairs"]
    assert (pair["true_pairs"], pair["linked"], pair["wrong"], pair["review"]) == (3, 3, 2, 1)
    assert (pair["precision"], pair["recall"]) == pytest.approx((1 / 3, 1 / 3), abs=1e-5)
    assert pair["recall_after_review"] == pytest.approx(2 / 3, abs=1e-5)
    assert said["false_merges_by_kind"] == {"stranger": 1, "twin": 1}
    assert said["recall_by_origin"] == {"abroad": 0.0, "france": 0.5}
    assert run("evaluate", found, truth).exit_code == 0


def test_evaluate_refuses_a_truth_without_persons(tmp_path):
    found, truth = tmp_path / "links.csv", tmp_path / "truth.csv"
    found.write_text("source_a,id_a,source_b,id_b,score,decision\n")
    truth.write_text("source,source_id\n")

    with pytest.raises(FixTheDelivery, match="has no column person; its columns: source, source_id"):
        evaluate(found, truth)


def persons(edges, *, sources=(0, 1, 2, 0, 1), numbers=(0, 0, 0, 0, 0), apart=()):
    import numpy as np

    a, b, chances = (np.array(column) for column in zip(*edges, strict=True))
    return sorted(gather((a, b), chances, source=np.array(sources), number=np.array(numbers), apart=apart))


def test_the_surest_pair_is_joined_first_and_two_certified_numbers_never_meet():
    edges = [(0, 1, 0.97), (1, 2, 0.99)]

    assert persons(edges, numbers=(7, 0, 9, 0, 0)) == [[1, 2]]
    assert persons(edges) == [[0, 1, 2]]


def test_a_forbidden_pair_is_never_held_by_one_person():
    assert persons([(0, 1, 0.99), (1, 2, 0.98)], apart=[(0, 2)]) == [[0, 1]]


def test_a_person_holds_at_most_two_records_of_one_file():
    edges = [(0, 1, 0.99), (1, 2, 0.98), (1, 3, 0.97), (1, 4, 0.96)]

    assert persons(edges, sources=(0, 1, 0, 0, 2)) == [[0, 1, 2, 4]]
