"""The corpus: every case of the folder ``cases``, as data."""

from __future__ import annotations

from pathlib import Path

import building
import yaml

FOLDER = Path(__file__).parent / "cases"
DELIVERIES = ("xml", "csv", "json_lines", "archives", "heavy")


def read(name):
    """One file of the corpus."""
    return yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))


def deliveries(name):
    """The cases of a file that are whole deliveries, each with its flow and how it is packed."""
    given = read(name)
    return [{"flow": given["flow"], "unpack": given.get("unpack"), **case} for case in given["cases"]]


def values():
    """The cases that are one value of one record: flow to its cases, each with its column and field."""
    found = {}
    for group in read("values")["groups"]:
        for case in group["cases"]:
            known = {"column": group["column"], "field": group["field"], "name": case["value"]}
            found.setdefault(group["flow"], []).append(known | case)
    return found


def delivery_of_values(flow, cases):
    """One delivery: a record per case, then as many good ones and a few more, so that the whole is not held."""
    content = BUILT[flow]([*cases, *[None] * (len(cases) + 3)])
    return content.encode("utf-8")


def _caf(cases):
    units = []
    for number, case in enumerate(cases, start=1):
        unit = building.household(number)
        if case:
            before, _, rest = unit.partition(f"<{case['column']}>")
            unit = f"{before}<{case['column']}><![CDATA[{case['value']}]]>{rest[rest.index('</') :]}"
        units.append(unit)
    return building.caf(units).replace("windows-1252", "utf-8")


def _pivot(cases):
    rows = (
        building.pivot_row(number) | ({case["column"]: case["value"]} if case else {})
        for number, case in enumerate(cases, start=1)
    )
    return building.pivot(rows)


def _usagers(cases):
    people = []
    for number, case in enumerate(cases, start=1):
        person = building.usager(number)
        if case:
            person["administratif"]["etatCivil"][case["column"]] = case["value"]
        people.append(person)
    return building.usagers(people)


BUILT = {"caf_rsa": _caf, "departement_pivot": _pivot, "pole_emploi_usagers": _usagers}


SINGLE = ("bodies", "names", "outgoing")


def count():
    """How many cases there are."""
    single = sum(len(read(name)["cases"]) for name in SINGLE) + sum(len(cases) for cases in values().values())
    return single + sum(len(deliveries(name)) for name in DELIVERIES)
