"""A département checks what it receives: each fault has its code, its file and its line, and nobody's data."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import orjson
import pytest

from connectors.declaration import load_flows
from connectors.writers.files import sha256_of
from hub.sharing.sync_check import check
from hub.sharing.sync_file import files_of
from mappings.declaration import load_mappings


def leave(folder, sequence, *, previous=None, people=("D-1", "D-2"), kind="delta"):
    """A sync file of the département 52 in the three forms; returns its manifest's path and its hash."""
    head = SimpleNamespace(
        id=sequence, sequence=sequence, kind=kind, previous_sha256=previous, name=f"hub_departement_52_{sequence:06d}_delta",
        created_at=datetime(2026, 3, 2, 4, 30, tzinfo=UTC),
    )  # fmt: skip
    fields = {"rsa.state": "2", "contact.email": "z@exemple.fr", "contact.postcode": "52000", "rsa.closure_date": None}
    rows = [
        SimpleNamespace(
            id=UUID(int=sequence * 100 + place), sequence=sequence,
            payload={"reference": {"identifiers.departement_id": person}, "fields": fields},
        )
        for place, person in enumerate(people)
    ]  # fmt: skip
    deposit = files_of(head, load_flows()["departement_52_retour"], load_mappings()["departement_52_retour"], rows)
    for name, content in deposit.files:
        (folder / name).write_bytes(content)
    return folder / deposit.files[-1][0], sha256_of(deposit.files[0][1])


def codes(checked):
    return [(fault.code, fault.line) for fault in checked.faults]


def alter(manifest, suffix, change, *, announce=True):
    """Change a data file, and what the manifest says of it unless told not to."""
    said = orjson.loads(manifest.read_bytes())
    (entry,) = [each for each in said["fichiers"] if each["nom"].endswith(suffix)]
    path = manifest.parent / entry["nom"]
    path.write_bytes(change(path.read_bytes()))
    if announce:
        entry["sha256"] = sha256_of(path.read_bytes())
        manifest.write_bytes(orjson.dumps(said))


def test_a_file_as_it_leaves_has_no_fault_whichever_of_its_files_is_named(tmp_path):
    manifest, _ = leave(tmp_path, 1)

    for path in tmp_path.iterdir():
        checked = check(path)
        assert (checked.faults, checked.records, checked.sequence, checked.nature) == ((), 2, 1, "delta"), path
    assert len(list(tmp_path.iterdir())) == 4
    xml = next(tmp_path.glob("*.xml")).read_text(encoding="utf-8")
    assert "<modes_contact><code_postal>52000</code_postal><email>z@exemple.fr</email></modes_contact>" in xml
    assert "<date_cloture></date_cloture>" in xml  # withdrawn, which is not the same as not said
    with next(tmp_path.glob("*.csv")).open(encoding="utf-8", newline="") as said:
        rows = list(csv.DictReader(said, delimiter=";"))
    assert [(row["date_cloture"], row["champs_retires"]) for row in rows] == [("", "date_cloture")] * 2
    assert manifest.exists()


def test_the_chain_is_followed_from_one_file_to_the_next(tmp_path):
    first, digest = leave(tmp_path, 1)
    second, following = leave(tmp_path, 2, previous=digest)
    third, _ = leave(tmp_path, 3, previous=following)

    assert check(second, previous=first).faults == ()
    assert codes(check(third, previous=first)) == [("JOUR_MANQUANT", None)]
    assert codes(check(second, previous=tmp_path / "rien.csv")) == [("PRECEDENT_ILLISIBLE", None)]
    alter(first, ".csv", lambda content: content.replace(b"52000", b"52001"))
    assert codes(check(second, previous=first)) == [("CHAINE_ROMPUE", None)]


@pytest.mark.parametrize(
    ("suffix", "change", "announce", "expected"),
    [
        (".csv", lambda content: content + b"\n", False, [("EMPREINTE_FAUSSE", None)]),
        (".jsonl", lambda content: content + b"{}\n", True, [("LIGNE_ILLISIBLE", 3)]),
        (".jsonl", lambda content: content.replace(b"rsa.state", b"rsa.inconnu"), True, [("CHAMP_INCONNU", 1), ("CHAMP_INCONNU", 2)]),
        (".jsonl", lambda content: content[: content.index(b"\n") + 1] * 2, True, [("MESSAGE_REPETE", None), ("FORMES_DIFFERENTES", None)]),
        (".csv", lambda content: content.replace(b"message_id;", b"autre;"), True, [("ENTETE_FAUSSE", 1), ("NOMBRE_FAUX", None), ("FORMES_DIFFERENTES", None)]),
        (".csv", lambda content: content + b"a;b\n", True, [("LIGNE_ILLISIBLE", 4)]),
        (".csv", lambda content: content.replace(b"00000000-0000-0000-0000-000000000064;1", b"pas-un-id;1"), True, [("LIGNE_SANS_CLE", 2), ("FORMES_DIFFERENTES", None)]),
        (".csv", lambda content: content.replace(b";date_cloture\n", b";code_postal\n"), True, [("RETRAIT_FAUX", 2), ("RETRAIT_FAUX", 3)]),
        (".csv", lambda content: content.replace(b";date_cloture\n", b";inconnue\n"), True, [("RETRAIT_FAUX", 2), ("RETRAIT_FAUX", 3)]),
        (".csv", lambda _: b"\xff\xfe", True, [("LIGNE_ILLISIBLE", None), ("NOMBRE_FAUX", None), ("FORMES_DIFFERENTES", None)]),
        (".xml", lambda content: content[:-8], True, [("LIGNE_ILLISIBLE", None)]),
    ],
)  # fmt: skip
def test_each_fault_of_a_data_file_is_named(tmp_path, suffix, change, announce, expected):
    manifest, _ = leave(tmp_path, 1)

    alter(manifest, suffix, change, announce=announce)

    checked = check(manifest)
    assert codes(checked) == expected
    assert not any("exemple" in fault.message or "D-1" in fault.message for fault in checked.faults)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda said: b"{", "MANIFESTE_ILLISIBLE"),
        (lambda said: b"[]", "MANIFESTE_INCOMPLET"),
        pytest.param(lambda said: orjson.dumps({**said, "fichiers": []}), "MANIFESTE_INCOMPLET", id="no files"),
        (lambda said: orjson.dumps({**said, "nature": "peu"}), "NATURE_INCONNUE"),
        (lambda said: orjson.dumps({**said, "schema": "9.9"}), "SCHEMA_INCONNU"),
        (lambda said: orjson.dumps({**said, "sequence": 0}), "SEQUENCE_FAUSSE"),
        (lambda said: orjson.dumps({**said, "sequence": 2}), "CHAINE_ROMPUE"),
        (lambda said: orjson.dumps({**said, "fichiers": [{**said["fichiers"][0], "nom": "../x.csv"}]}), "NOM_FAUX"),
        (lambda said: orjson.dumps({**said, "fichiers": [{**said["fichiers"][0], "nom": "x.csv"}]}), "FICHIER_ABSENT"),
    ],
)
def test_each_fault_of_a_manifest_is_named(tmp_path, change, expected):
    manifest, _ = leave(tmp_path, 1)

    manifest.write_bytes(change(orjson.loads(manifest.read_bytes())))

    assert [code for code, _ in codes(check(manifest))] == [expected]


def test_a_sending_whose_manifest_is_not_there_is_not_over(tmp_path):
    manifest, _ = leave(tmp_path, 1)
    manifest.unlink()

    assert codes(check(next(tmp_path.glob("*.csv")))) == [("MANIFESTE_ABSENT", None)]
