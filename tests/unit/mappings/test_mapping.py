"""Mappings: each converter by example, and an engine that drops nothing in silence."""

from __future__ import annotations

import pandas as pd
import pytest

from mappings import converters
from mappings.converters import CONVERTERS, Unconvertible
from mappings.declaration import InMapping, OutMapping
from mappings.engine import normalise, render, render_body

CASES = [
    ("text", "  a   b ", "a b"),
    ("name", "DUPONT (née MARTIN)", "DUPONT"),
    ("name", "DUPONT née MARTIN", "DUPONT"),
    ("name", "DE LA TOUR", "DE LA TOUR"),
    ("birth_name", "DUPONT (née MARTIN)", "MARTIN"),
    ("birth_name", "Dupont Nee Martin", "Martin"),
    ("birth_name", "ANÉE", "ANÉE"),
    ("birth_name", "MARTIN", "MARTIN"),
    ("usage_name", "DUPONT (née MARTIN)", "DUPONT"),
    ("usage_name", "MARTIN", None),
    ("first_names", "Jean-Paul, Marie", ["Jean-Paul", "Marie"]),
    ("first_names", "Jean Paul", ["Jean", "Paul"]),
    ("first_names", ("JEAN PAUL", None, "MARIE"), ["JEAN PAUL", "MARIE"]),
    ("day", "1982-02-01", "1982-02-01"),
    ("day", "1982-02-01 00:00:00.0", "1982-02-01"),
    ("day", "01/02/1982", "1982-02-01"),
    ("day", "1-2-1982", "1982-02-01"),
    ("day", "29983", "1982-02-01"),
    ("moment", ("27/11/2026", "09:30"), "2026-11-27T09:30:00"),
    ("moment", ("27/11/2026", None), "2026-11-27"),
    ("birth_date_precision", "J", "month"),
    ("birth_date_precision", "?", None),
    ("nir", "1 85 06 75 056 024 09", "1850675056024"),
    ("nir_key_status", "185067505602410", "given_wrong"),
    ("nir_kind", "7850675056024", "provisional"),
    ("caf_number", ("208956400000000", "CAF"), "2089564"),
    ("caf_number", ("185067505602409", "MSA"), None),
    ("caf_number", "2055990", "2055990"),
    ("caf_number", "55990", "0055990"),
    ("phones", "0601234567, 071234567", ["+33601234567"]),
    ("phones", "612345678", ["+33612345678"]),
    ("phones", "+33 6 12 34 56 78 / 03 24 00 00 00", ["+33612345678", "+33324000000"]),
    ("phones", "0033612345678", ["+33612345678"]),
    ("phones", "12", None),
    ("phones", [{"numeroTelephone": "0612345678"}, {"numeroTelephone": None}], ["+33612345678"]),
    ("phones", ("0612345678", [{}, "0324000000"]), ["+33612345678", "+33324000000"]),
    ("phones", {"numeroTelephone": "0612345678"}, ["+33612345678"]),
    ("email", "Sofia@CD26.fr", "sofia@cd26.fr"),
    ("email", "none", None),
    ("email", [{"adresseEmail": "a@b.fr"}], "a@b.fr"),
    ("postcode", "8000", "08000"),
    ("postcode", "08300 RETHEL", "08300"),
    ("postcode", "abc", None),
    ("after_postcode", "08300 RETHEL", "RETHEL"),
    ("joined", ("11", None, "rue Haute"), "11 rue Haute"),
    ("boolean", "Oui", True),
    ("boolean", "0", False),
    ("integer", " 03 ", 3),
    ("france_travail_number", "12345678901", "12345678901"),
    ("france_travail_number", "1234567A", None),
    ("france_travail_local_id", "1253359X", "1253359X"),
    ("france_travail_local_id", "0511253359X", "1253359X"),
    ("france_travail_local_id", "1253359\u0410", None),
    ("obstacles", (None, "O", "N", None, "OUI", None), ["familiale", "logement"]),
]


@pytest.mark.parametrize(("name", "given", "expected"), CASES)
def test_a_converter_by_example(name, given, expected):
    assert CONVERTERS[name](given) == expected


@pytest.mark.parametrize(
    ("name", "given"), [("day", "31/02/1982"), ("day", "yesterday"), ("boolean", "maybe"), ("integer", "many")]
)
def test_a_value_that_means_nothing_is_refused_without_being_repeated(name, given):
    with pytest.raises(Unconvertible) as raised:
        CONVERTERS[name](given)

    assert given not in str(raised.value)


def test_both_kinds_of_suspension_are_kept_with_their_dates():
    right = [{"MOTISUSDRORSA": "GK", "DDSUSDRORSA": "2026-01-01", "NATGROUPFSUS": "RSA"}]
    payment = [
        {"MOTISUSVERSRSA": "06", "DDSUSVERSRSA": "2026-02-01"},
        {"MOTISUSVERSRSA": "CG", "DDSUSVERSRSA": "2026-03-01"},
    ]

    found = converters.suspensions((right, payment))

    assert [(each["kind"], each["reason"]) for each in found] == [("right", "GK"), ("payment", "06"), ("payment", "CG")]


def test_every_converter_has_its_own_docstring():
    said = [function.__doc__ for function in CONVERTERS.values()]

    assert all(said)
    assert len(said) == len(set(said))


def mapping(**fields):
    return InMapping.model_validate(
        {"flow": "x", "direction": "in", "key": ["identifiers.departement_id"], "fields": fields}
    )


def frame(**columns):
    size = len(next(iter(columns.values())))
    index = pd.Index(range(1, size + 1), name="record")
    cells = {name: pd.Series(values, index=index, dtype="object") for name, values in columns.items()}
    return pd.DataFrame({"#unit": pd.Series(range(1, size + 1), index=index), **cells})


FIELDS = {
    "identifiers.departement_id": {"from": "ID"},
    "identity.birth_date": {"from": "Date", "convert": "day"},
    "rsa.state": {"from": "Droits", "table": {"ouvert": "2"}, "codes": "rsa_state"},
    "rsa.rights_and_duties": {"from": "SDD", "convert": "boolean", "on_error": "drop"},
}


def test_a_bad_value_refuses_its_record_and_no_other():
    given = frame(ID=["a", "b"], Date=["01/02/1982", "31/02/1982"], Droits=["ouvert", None], SDD=[None, None])

    mapped = normalise(mapping(**FIELDS), given, {"#delivery_date": "2026-11-01"})

    assert mapped.rejects[["record", "field", "rule"]].to_numpy().tolist() == [[2, "identity.birth_date", "day"]]
    assert mapped.frame.loc[1, "identity.birth_date"] == "1982-02-01"
    assert mapped.frame["rsa.state"].tolist() == ["2", None]


def test_a_value_that_may_be_dropped_is_counted():
    given = frame(ID=["a"], Date=["01/02/1982"], Droits=["ouvert"], SDD=["maybe"])

    mapped = normalise(mapping(**FIELDS), given, {"#delivery_date": "2026-11-01"})

    assert mapped.rejects.empty
    assert mapped.repairs == {"rsa.rights_and_duties:boolean": 1}


def test_an_unknown_code_is_kept_and_counted():
    given = frame(ID=["a"], Date=["01/02/1982"], Droits=["Z"], SDD=[None])

    mapped = normalise(mapping(**FIELDS), given, {"#delivery_date": "2026-11-01"})

    assert mapped.frame.loc[1, "rsa.state"] == "Z"
    assert mapped.unknown_codes == {("rsa_state", "Z"): 1}


def test_a_record_without_its_key_is_refused():
    given = frame(ID=[None], Date=["01/02/1982"], Droits=[None], SDD=[None])

    mapped = normalise(mapping(**FIELDS), given, {"#delivery_date": "2026-11-01"})

    assert mapped.rejects["rule"].tolist() == ["cle_incomplete"]


OUT = OutMapping.model_validate({
    "flow": "x", "direction": "out",
    "columns": [
        {"column": "depuis", "path": "rsa.claim_date", "render": "french_date"},
        {"column": "sdd", "path": "rsa.rights_and_duties"},
        {"column": "tel", "path": "contact.phones"},
    ],
    "bodies": {"decision": {
        "date": {"path": "orientation.decided_on", "required": True},
        "parcours": {"path": "orientation.pathway", "table": {"emploi": "PED"}},
        "organisme": {"value": "CD"},
    }},
})  # fmt: skip


def test_outgoing_rows_are_in_the_partner_s_words():
    rows = render(
        OUT, [{"rsa.claim_date": "2026-01-31", "rsa.rights_and_duties": False, "contact.phones": ["+33612345678"]}, {}]
    )

    assert rows == [{"depuis": "31/01/2026", "sdd": "Non", "tel": "+33612345678"}, {"depuis": "", "sdd": "", "tel": ""}]


def test_a_body_is_whole_or_is_not_sent():
    assert render_body(OUT, "decision", {"orientation.decided_on": "2026-01-31", "orientation.pathway": "emploi"}) == {
        "date": "2026-01-31", "parcours": "PED", "organisme": "CD",
    }  # fmt: skip
    assert render_body(OUT, "decision", {"orientation.pathway": "emploi"}) is None


def test_parts_of_a_key_cannot_be_mistaken_for_one_another():
    from mappings.engine import _key

    assert _key(("a|b", "c")) != _key(("a", "b|c"))
    assert _key(("a", "b")) == "a|b"
