"""The morning after: files with one of each thing that is left to a person, given to partners that already spoke once."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.sandbox.cnaf_file import of_departement, write_cnaf
from hub.sandbox.departement_files import write_pivot, write_webrsa
from hub.sandbox.population import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.sandbox.population import Adult

DAY = 1
SPOILT = 4  # first names, the children's included, of which figures are all that is left
REDIRECTED = 3  # people whose orientation changes: what Pôle emploi is then told, it refuses as it is written
RENAMED = ("Email", "Courriel")  # a column that changed its name overnight


def morning_files(people: Sequence[Adult], *, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """(account, name, content) of each file: the CAF's, first names lost; a département's, a column renamed; another's, changed."""
    when = FIRST_DAY + timedelta(days=DAY)
    households = sorted({adult.household for adult in of_departement(people, "08")})[: 3 * SPOILT]
    few = [adult for adult in people if adult.household in households]
    caf = io.BytesIO()
    write_cnaf(caf, of_departement(few, "08"), departement="08", when=when, seed=seed, full=False)
    lost = re.sub(rb"<PRENOM>[^<]*<", b"<PRENOM>12<", caf.getvalue(), count=SPOILT)
    yield "caf", f"RSABEI08_{FIRST_DAY:%Y%m%d}_{DAY:03d}.xml", lost

    pivot, webrsa = io.BytesIO(), io.BytesIO()
    write_pivot(pivot, _followed(people, "08"), seed=seed)
    before, after = (f";{name};".encode() for name in RENAMED)
    yield "departement_08", f"pivot_{DAY:03d}.csv", pivot.getvalue().replace(before, after, 1)

    write_webrsa(webrsa, _redirected(_followed(people, "52")), seed=seed)
    yield "departement_52", f"webrsa_{DAY:03d}.csv", webrsa.getvalue()


def _followed(people: Sequence[Adult], departement: str) -> list[Adult]:
    return [adult for adult in people if adult.in_departement and adult.departement == departement]


def _redirected(followed: list[Adult]) -> list[Adult]:
    """The same people, a few of those Pôle emploi knows too sent another way."""
    known = [adult.number for adult in followed if adult.in_ft][:REDIRECTED]
    other = {"emploi": "social", "social": "socio_pro", "socio_pro": "emploi"}
    when = FIRST_DAY + timedelta(days=DAY)
    return [
        replace(adult, pathway=other[adult.pathway], decided_on=when) if adult.number in known else adult
        for adult in followed
    ]
