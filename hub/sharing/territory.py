"""Territory: the départements an agreement covers. A partner is told of people it follows, and of those who live elsewhere nothing.

Where somebody lives is what the dossier says: the commune first, else the postcode. Of somebody nobody says where it lives, the
partner that follows it decides; a place that cannot be read is in no territory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FRANCE = "france"  # the territory of a national body
NOWHERE = "?"
COMMUNE, POSTCODE = "contact.commune_code", "contact.postcode"

Code = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1\d|2[1-9AB]|[3-8]\d|9[0-5]|9[78]\d|france)$")]

# The same in SQL, of a dossier ``d``: null when nobody says where the person lives.
LIVES_IN = f"""
case when d.content -> '{COMMUNE}' ->> 'value' ~ '^9[78]' then left(d.content -> '{COMMUNE}' ->> 'value', 3)
     when d.content -> '{COMMUNE}' ->> 'value' is not null then left(d.content -> '{COMMUNE}' ->> 'value', 2)
     when d.content -> '{POSTCODE}' ->> 'value' ~ '^20[01]' then '2A'
     when d.content -> '{POSTCODE}' ->> 'value' ~ '^20' then '2B'
     when d.content -> '{POSTCODE}' ->> 'value' ~ '^9[78]' then left(d.content -> '{POSTCODE}' ->> 'value', 3)
     else left(d.content -> '{POSTCODE}' ->> 'value', 2) end
"""


def lives_in(dossier: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The département somebody lives in; None when nobody says, ``NOWHERE`` when what is said cannot be read."""
    commune, postcode = (dossier.get(path, {}).get("value") for path in (COMMUNE, POSTCODE))
    if commune is not None:
        return _of_commune(str(commune))
    return None if postcode is None else _of_postcode(str(postcode))


def covers(territory: Collection[str], lives: str | None) -> bool:
    """Whether somebody who lives there, and whom the partner follows, is in a territory."""
    return lives is None or FRANCE in territory or lives in territory


def common(one: Collection[str], other: Collection[str]) -> tuple[str, ...]:
    """What two territories have in common."""
    if FRANCE in one:
        return tuple(other)
    return tuple(one) if FRANCE in other else tuple(code for code in one if code in other)


def _of_commune(code: str) -> str:
    if not re.fullmatch(r"(\d\d|2[AB])\d{3}", code):
        return NOWHERE
    return code[:3] if code.startswith(("97", "98")) else code[:2]


def _of_postcode(postcode: str) -> str:
    if not re.fullmatch(r"\d{5}", postcode):
        return NOWHERE
    if postcode.startswith("20"):
        return "2A" if postcode < "20200" else "2B"
    return postcode[:3] if postcode.startswith(("97", "98")) else postcode[:2]
