"""What the partners of the kill harness send: the same bytes every time, day by day, dated by their own clocks."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.departement_files import write_pivot, write_webrsa
from hub.sandbox.pole_emploi_extract import write_extract
from hub.sandbox.population import FIRST_DAY, Population

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.sandbox.population import Adult

SEED = 7
SIZE = 48
DAYS = 3
FIRST = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)


def account(partner: str, day: int) -> str:
    """The SFTP account that shows what a partner had left by that day."""
    return f"{partner}_j{day}"


def write_days(root: Path) -> list[str]:
    """Write what each partner had left by each day; returns the accounts."""
    accounts = []
    for day in range(DAYS):
        for partner in ("caf", "departement_08", "departement_52", "pole_emploi"):
            accounts.append(account(partner, day))
            place = root / accounts[-1] / "depot"
            place.mkdir(parents=True, exist_ok=True)
            left = [each for past in range(day + 1) for each in _of_day(partner, past)]
            for number, (name, content) in enumerate(left):
                (place / name).write_bytes(content)
                stamp = (FIRST + timedelta(minutes=number)).timestamp()
                os.utime(place / name, (stamp, stamp))
    return accounts


def _of_day(partner: str, day: int) -> Iterator[tuple[str, bytes]]:
    people = Population(seed=SEED, size=SIZE).on(day)
    match partner, day:
        case "caf", 0:  # everybody, one picture for each département
            for departement in ("08", "52"):
                yield f"RSABEM{departement}_000.xml", _caf(people, departement, day)
        case "caf", 1:  # those who changed, with somebody refused; and yesterday's picture again under another name
            moved = [adult for adult in people if adult.household % 3 == 0]
            yield "RSABEI08_001.xml", _with_a_bad_record(_caf(moved, "08", day))
            yield "RSABEM08_000_bis.xml", _caf(Population(seed=SEED, size=SIZE).on(0), "08", 0)
        case "caf", 2:  # the header of the first day, other bytes: held until an operator decides
            yield "RSABEM08_002.xml", _caf(people[: SIZE - 10], "08", 0)
        case "departement_08", 0 | 2:
            yield f"pivot_{day:03d}.csv", _written(write_pivot, [each for each in people if _followed(each, "08")])
        case "departement_52", 0 | 1:  # whoever is no longer in the export has left
            followed = [each for each in people if _followed(each, "52")]
            yield f"webrsa_{day:03d}.csv", _written(write_webrsa, followed[2 * day :])
        case "pole_emploi", 1:
            yield (
                "extract_principal_001.csv",
                _written(write_extract, _misheard([each for each in people if each.in_ft])),
            )


def _misheard(people: list[Adult]) -> list[Adult]:
    """The first two with first names that only nearly agree with what others say: doubtful pairs, for a person to decide."""
    misheard = [replace(each, first_names=(f"{each.first_names[0][:-2]}ou",)) for each in people[:2]]
    return misheard + people[2:]


def _followed(adult: Adult, departement: str) -> bool:
    return adult.in_departement and adult.departement == departement


def _caf(people: list[Adult], departement: str, day: int) -> bytes:
    content = io.BytesIO()
    chosen, when = list(of_departement(people, departement)), FIRST_DAY + timedelta(days=day)
    write_cnaf(content, chosen, departement=departement, when=when, seed=SEED, full=day == 0)
    return content.getvalue()


def _written(write, people: list[Adult]) -> bytes:
    content = io.BytesIO()
    write(content, people, seed=SEED)
    return content.getvalue()


def _with_a_bad_record(content: bytes) -> bytes:
    """Somebody born in the nineteenth century."""
    return content.replace(b"<DTNAI>19", b"<DTNAI>18", 1)
