"""Deliveries of every incoming flow in which each column holds a mark, and each rule refuses somebody."""

from __future__ import annotations

import csv
import io
import json
import re

from lxml import etree
from marks import POSTCODE, SENTENCE, letters, row_of

from hub.sandbox.departement_files import PIVOT, WEBRSA
from hub.sandbox.pole_emploi_extract import COLUMNS

HEADERS = {"departement_pivot": PIVOT, "departement_webrsa": WEBRSA, "pole_emploi_extrait": COLUMNS}
UNKNOWN = ("Ressources du foyer", "Enfants", "zorglub@exemple.fr", "0699887123")
STEP = re.compile(r"([^\[\]/]+)(?:\[([^=\]]+)=([^\]]*)\])?(\[\])?")
BREAKS = f"{POSTCODE} Zorglub casse le convertisseur"
BAD_DAYS = ("Zorglub, le 23 mars 1917", "31/02/1917", "1817-03-23", "2917-03-23")


def delivery(flow, mapping, *, first=1):
    """The bytes of a delivery of a flow: good records, typed ones, and one for each way to be refused."""
    records = [row_of(mapping, first), row_of(mapping, first + 1, typed=True), *_refused(mapping, first + 2)]
    if flow == "caf_rsa":
        return household_file([household(mapping, each) for each in records])
    if flow == "pole_emploi_usagers":
        lines = [json.dumps(as_object(each), ensure_ascii=False) for each in records]
        return "\n".join([*lines, SENTENCE, json.dumps([SENTENCE])]).encode()
    return table(HEADERS[flow], records)


def _refused(mapping, number):
    """A record for each rule: no name, none with letters, dates that are none, a converter that breaks, a key said twice."""
    for path, values in {
        "identity.birth_name": (None, "12 3"),
        "identity.first_names": (None, "12 3"),
        "identity.birth_date": (None, *BAD_DAYS),
        "contact.postcode": (BREAKS,),
        "rsa.claim_date": ("1907-03-23",),
        mapping.key[0]: (None,),
    }.items():
        for value in values if path in mapping.fields else ():
            number += 1
            row = row_of(mapping, number)
            for column in mapping.fields[path].sources:
                row[column] = value
            yield {column: cell for column, cell in row.items() if cell is not None}
    yield row_of(mapping, number + 1)
    yield row_of(mapping, number + 1) | dict.fromkeys(
        mapping.fields["contact.commune_name"].sources, f"{POSTCODE} Zorglubourg"
    )


# --- CSV -----------------------------------------------------------------------------------------------------------


def table(header, records):
    """A CSV with every column of the layout, four nobody knows, and a line too long."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow([*header, *UNKNOWN])
    for number, record in enumerate(records):
        cells = [record.get(column.rstrip("*"), record.get(column, "")) for column in header]
        writer.writerow([*cells, *(f"{SENTENCE} {letters(number)}" for _ in UNKNOWN)])
    writer.writerow([SENTENCE] * (len(header) + len(UNKNOWN) + 3))
    return text.getvalue().encode()


def without_header(content):
    """The same, its header line lost: somebody's line stands in its place."""
    return content.split(b"\n", 1)[1]


def half_a_header(content):
    """The same, one column of the header left: the other names are somebody's values."""
    first, rest = content.split(b"\n", 1)
    name, *others = first.decode().split(";")
    return f"{name};{';'.join(f'Zorglub {letters(place)}' for place, _ in enumerate(others))}\n".encode() + rest


# --- JSON ----------------------------------------------------------------------------------------------------------


def as_object(row):
    """The nested object of dotted paths; a list where the path says so."""
    given = {"foyer": {"enfants": [SENTENCE]}, "ressources": SENTENCE}
    for path, value in row.items():
        *above, last = path.split(".")
        here = given
        for step in above:
            name, listed = re.sub(r"\[\d*\]", "", step), "[" in step
            here = here.setdefault(name, [{}] if listed else {})
            here = here[0] if isinstance(here, list) else here
        name = last.replace("[]", "")
        here.setdefault(name, [{"numeroTelephone": value, "adresseEmail": value}] if "[]" in last else value)
    return given


# --- XML -----------------------------------------------------------------------------------------------------------


def household(mapping, row):
    """A household in which every element of the layout is filled, those the hub must not read included."""
    unit = etree.Element("InfosFoyerRSA")
    row = row | {"Personne/Prestations[NATPREST=RSA]/ROLEPERS": "DEM", "IdentificationRSA/Organisme/FONORG": "CAF"}
    for path, value in row.items():
        _plant(unit, path, value)
    person = unit.find("Personne")
    for tag in ("NOUVEAU", "GROSSESSE", "RQTH"):
        etree.SubElement(person, tag).text = SENTENCE
    child = etree.SubElement(unit, "Personne")
    for path in ("Identification/NOM", "Identification/NIR", "Rattachement/PRENOM", "Ressources/MONTANT"):
        _plant(child, path, SENTENCE)
    _plant(child, "Prestations[NATPREST=RSA]/ROLEPERS", "ENF")
    return etree.tostring(unit, encoding="unicode")


def _plant(element, path, value):
    for tag, leaf, wanted, repeated in STEP.findall(path):
        found = [each for each in element.findall(tag) if not leaf or each.findtext(leaf) == wanted]
        below = found[0] if found else etree.SubElement(element, tag)
        if leaf and not found:
            etree.SubElement(below, leaf).text = wanted
        if repeated:
            for name in ("MOTISUSDRORSA", "MOTISUSVERSRSA"):
                etree.SubElement(below, name).text = value
            for name in ("DDSUSDRORSA", "DDSUSVERSRSA"):
                etree.SubElement(below, name).text = "23/03/1917"
        element = below
    if not len(element):
        element.text = value


def household_file(units, *, day="2026-11-02", total=None, doctype="", said=""):
    """A CAF delivery; ``said`` stands in header and footer leaves nobody asked for, and in one somebody did."""
    extra = f"<LIBELLE>{said or SENTENCE}</LIBELLE>"
    header = (
        f"<APPLIEME>{said or 'CRI'}</APPLIEME><TYPEFLUX>I</TYPEFLUX><NATFLUX>D</NATFLUX><DTCREAFLUX>{day}</DTCREAFLUX>"
        f"<HEUCREAFLUX>01:18:36.0000</HEUCREAFLUX><DTREF>{said or day}</DTREF>{extra}"
    )
    count = f"{len(units):08d}" if total is None else total
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n{doctype}<Racine><IdentificationFlux>{header}</IdentificationFlux>{"".join(units)}'
        f"<TransmissionFlux><NBTOTDOSRSATRANSM>{count}</NBTOTDOSRSATRANSM>"
        f"<NBTOTDOSRSATRANSMANO>00000000</NBTOTDOSRSATRANSMANO>{extra}</TransmissionFlux></Racine>"
    ).encode()
