"""From what a partner wrote to what may be compared. Nothing here changes the record: these are keys beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from hub.identity.french.text import letters

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTICLES = frozenset({"DE", "DU", "DES", "D", "EL", "AL", "BEN", "VAN", "VON", "DA", "DI", "DOS"})
PHONE_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The comparable keys of one record: the columns of ``source_identity``."""

    source_record_id: int
    flow: str
    partner: str
    nir_hash: bytes | None
    nir_certified: bool
    birth_date: date | None
    birth_date_precision: str | None
    birth_name: str | None
    usage_name: str | None
    first_name: str | None
    first_names: tuple[str, ...]
    sex: str | None
    birth_rank: int | None
    birth_place: str | None
    place: str | None
    phones: tuple[str, ...]
    email: str | None
    caf_number: str | None
    france_travail_number: str | None
    france_travail_local_id: str | None
    household: str | None

    @property
    def names(self) -> frozenset[str]:
        """Birth and usage names: either may answer to either."""
        return frozenset(name for name in (self.birth_name, self.usage_name) if name)


def keys_of(
    content: Mapping[str, Any], *, source_record_id: int, flow: str, partner: str, nir_hash: bytes | None
) -> Keys:
    """The keys of a flat record. A number whose key is wrong, or that is not attributed for good, is no key at all."""
    usable = nir_hash is not None and _nir_may_decide(content)
    given = tuple(key for name in content.get("identity.first_names") or () if (key := letters(name)))
    birth = content.get("identity.birth_date")
    return Keys(
        source_record_id=source_record_id,
        flow=flow,
        partner=partner,
        nir_hash=nir_hash if usable else None,
        nir_certified=usable and _certified(content),
        birth_date=date.fromisoformat(birth) if birth else None,
        birth_date_precision=content.get("identity.birth_date_precision") or ("day" if birth else None),
        birth_name=surname(content.get("identity.birth_name")),
        usage_name=surname(content.get("identity.usage_name")),
        first_name=given[0].split()[0] if given else None,
        first_names=given,
        sex=content.get("identity.sex") or {"MR": "1", "MME": "2", "MLE": "2"}.get(content.get("identity.title") or ""),
        birth_rank=content.get("identity.birth_rank"),
        birth_place=letters(content.get("identity.birth_place_name")),
        place=_place(content),
        phones=tuple(phone[-PHONE_DIGITS:] for phone in content.get("contact.phones") or ()),
        email=content.get("contact.email"),
        caf_number=content.get("identifiers.caf_number"),
        france_travail_number=content.get("identifiers.france_travail_number"),
        france_travail_local_id=content.get("identifiers.france_travail_local_id"),
        household=content.get("identifiers.claim_number"),
    )


def _nir_may_decide(content: Mapping[str, Any]) -> bool:
    key_known = content.get("identity.nir_key_status") in {"given_ok", "computed"}
    return key_known and content.get("identity.nir_kind") in {"definitive", "incomplete"}


def _certified(content: Mapping[str, Any]) -> bool:
    """Certified by a partner that verifies civil status, or carried with its right key and not said to be uncertified."""
    said = content.get("identity.certified")
    return bool(said) or (said is None and content.get("identity.nir_key_status") == "given_ok")


def _place(content: Mapping[str, Any]) -> str | None:
    postcode, street = content.get("contact.postcode"), letters(content.get("contact.address_street"))
    return f"{postcode} {street}" if postcode and street else None


def surname(text: str | None) -> str | None:
    """A family name without its particles, unless nothing else is left."""
    key = letters(text)
    if key is None:
        return None
    tokens = key.split()
    kept = [token for place, token in enumerate(tokens) if token not in PARTICLES and not _article(tokens, place)]
    return " ".join(kept or tokens)


def _article(tokens: list[str], place: int) -> bool:
    return tokens[place] in {"LA", "LE", "LES", "L"} and place > 0 and tokens[place - 1] == "DE"
