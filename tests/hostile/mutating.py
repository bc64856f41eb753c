"""Deliveries nobody wrote: real samples with pieces cut, doubled, moved, recoded or replaced by what breaks readers."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import building
from hypothesis import strategies as st

SAMPLES = Path(__file__).parents[1] / "partners"
FLOWS = {
    "xml": ("caf_rsa",),
    "csv": ("departement_pivot", "departement_webrsa", "pole_emploi_extrait"),
    "json_lines": ("pole_emploi_usagers",),
}
ANYWHERE = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\r", b"\n", b"\n\n", b" ", b"9" * 40, b"-1", "²٣".encode(),
    b"9999-99-99", b"0000-00-00", b"=1+1", b"NULL", b"null", "Ã©".encode(), "\u200b\u202e".encode(), "e\u0301".encode(), b"x" * 600,
)  # fmt: skip
TOKENS = {
    "xml": (
        b"<", b">", b"&", b"&#0;", b"&#x10ffff;", b"&lt;", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?x?>", b"<!DOCTYPE Racine>",
        b"<InfosFoyerRSA>", b"</InfosFoyerRSA>", b"<InfosFoyerRSA/>", b"<Personne>", b"</Personne>", b"<NIR>1</NIR>",
        b"<IdentificationFlux><DTREF>2026-11-01</DTREF></IdentificationFlux>", b"<TransmissionFlux/>", b"</Racine>", b"<a b='c' b='d'/>",
        b"<DTNAI>31/02/1980</DTNAI>", b"<x:y>", b' xmlns="urn:x"', b"<NOM><x>" * 3,
    ),
    "csv": (b";", b";;;;;;", b'"', b'""', b'";"', b'"\n', b",", b"\t", b"\r\n", b"Nom;", b"NIR;", b"29983", b"'", b"\\N"),
    "json_lines": (
        b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b"\\u005c", b",", b":", b"NaN", b"1e400", b"true", b"[[[[", b'{"a":{"a":1}}',
        b'"nom": 1,', b'"nom": ["x"],', b'"telephones": [3, null, {"numeroTelephone": {}}],', b'"emails": [{"adresseEmail": [1]}],', b"{}\n",
    ),
}  # fmt: skip
CELL = {
    "xml": re.compile(rb">([^<>]+)</"),
    "csv": re.compile(rb"([^;\r\n]+)"),
    "json_lines": re.compile(rb': "([^"]*)"'),
}
RECODED = ("utf-16", "utf-16-le", "utf-8-sig", "cp1252", "latin-1", "utf-32", "cp037")

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from([each.decode("utf-8", "replace") for each in ANYWHERE]),
    st.from_regex(r"\A[0-9/.: -]{1,12}\Z"),
    st.dates().map(str),
    st.sampled_from(["12/06/1985", "2850651454024", "0601234567", "Oui", "08300", "DUPONT (née LEFÈVRE)", "N", "MSA"]),
)


@cache
def samples(reader):
    """The good deliveries of a reader, each with its flow: the samples beside the declarations, and the corpus's own."""
    found = [(flow, next((SAMPLES / flow).glob("sample.*")).read_bytes()) for flow in FLOWS[reader]]
    ours = [
        (flow, building.GOOD_DELIVERY[flow]().encode(building.ENCODING[flow]))
        for flow in FLOWS[reader]
        if flow in building.GOOD_DELIVERY
    ]
    return [*found, *ours]


def mutated(reader):
    """A delivery and its flow, with one to six things done to it."""
    tokens = st.sampled_from(ANYWHERE + TOKENS[reader])
    payload = tokens | st.binary(max_size=8)
    place = st.floats(0, 1, exclude_max=True)
    change = st.one_of(
        st.tuples(st.just("insert"), place, payload),
        st.tuples(st.just("replace"), place, st.tuples(st.integers(1, 40), payload)),
        st.tuples(st.just("swap"), place, st.tuples(tokens, tokens)),
        st.tuples(st.just("delete"), place, st.integers(1, 400)),
        st.tuples(st.just("double"), place, st.integers(1, 3000)),
        st.tuples(st.just("cut"), place, st.none()),
        st.tuples(st.just("recode"), place, st.sampled_from(RECODED)),
    )
    cell = st.tuples(st.just("cell"), place, st.tuples(st.just(reader), TEXTS))
    changes = st.lists(change, min_size=1, max_size=6) | st.lists(cell, min_size=1, max_size=4)
    return st.tuples(st.sampled_from(samples(reader)), changes).map(_changed)


def _changed(drawn):
    (flow, content), changes = drawn
    for kind, place, given in changes:
        content = CHANGES[kind](content, int(place * len(content)), given)
    return flow, content


def _cell(content, at, given):
    """Another text in the first cell from there on, written as its reader wants it."""
    reader, text = given
    found = CELL[reader].search(content, at)
    if found is None:
        return content
    written = {
        "xml": lambda: escape("".join(each for each in text if each.isprintable())).encode(
            "cp1252", "xmlcharrefreplace"
        ),
        "csv": lambda: text.encode("utf-8", "replace"),
        "json_lines": lambda: json.dumps(text).encode()[1:-1],
    }[reader]()
    return content[: found.start(1)] + written + content[found.end(1) :]


def _recode(content, _at, encoding):
    return content.decode("cp1252", "replace").encode(encoding, "replace")


CHANGES = {
    "insert": lambda content, at, given: content[:at] + given + content[at:],
    "replace": lambda content, at, given: content[:at] + given[1] + content[at + given[0] :],
    "swap": lambda content, _at, given: content.replace(given[0], given[1], 3),
    "delete": lambda content, at, given: content[:at] + content[at + given :],
    "double": lambda content, at, given: content[: at + given] + content[at : at + given] + content[at + given :],
    "cut": lambda content, at, _given: content[:at],
    "recode": _recode,
    "cell": _cell,
}


def cells():
    """What a reader may hand over for one cell: nothing, a text, or a list or an object of texts."""
    entries = st.dictionaries(
        st.sampled_from(["numeroTelephone", "adresseEmail", "MOTISUSDRORSA", "DDSUSDRORSA", "MOTISUSVERSRSA", "DDSUSVERSRSA"]), TEXTS, max_size=3
    )  # fmt: skip
    return st.none() | TEXTS | st.lists(entries | TEXTS, max_size=3) | entries
