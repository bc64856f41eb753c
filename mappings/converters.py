"""Converters: one value a partner wrote, as the common record says it. To add one, write it and append it.

Each takes the text (or, for several columns, the tuple of texts) and returns the value, or None when there is none. It
raises ``Unconvertible`` with what to correct, in French, and never with the value.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from schemas.nir import Nir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEE = re.compile(r"\s*[(,]?\s*\bn[ée]e?\s+(?P<birth>[^()]+?)\s*\)?\s*$", re.IGNORECASE)
ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?", re.ASCII)
FRENCH_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
NOT_A_DIGIT = re.compile(r"\D", re.ASCII)
POSTCODE = re.compile(r"\s*(\d{4,5})(?!\d)", re.ASCII)
EXCEL_EPOCH = date(1899, 12, 30)
EXCEL_DAYS = range(5_000, 80_000)  # 1913 to 2119
EXCEL_DIGITS = 5
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}")
CAF_DIGITS = 7
SHORT_LOCAL_ID, LONG_LOCAL_ID, FRANCE_TRAVAIL_NUMBER = 8, 11, 11
MOST_DIGITS = 4  # what is counted here is people or months
TAKES_LISTS = frozenset({"phones", "email", "suspensions"})
TRUE, FALSE = frozenset({"1", "o", "oui", "true", "vrai"}), frozenset({"0", "n", "non", "false", "faux"})


class Unconvertible(ValueError):
    """A value that means nothing: the message says what to correct, in French, without the value."""


def text(value: str) -> str | None:
    """Spaces collapsed."""
    return " ".join(value.split()) or None


def name(value: str) -> str | None:
    """A name, without what was added in brackets."""
    return text(NEE.sub("", " ".join(value.split())).split("(")[0])


def birth_name(value: str) -> str | None:
    """The birth name, where people type « DUPONT (née MARTIN) »."""
    found = NEE.search(" ".join(value.split()))
    return text(found["birth"]) if found else name(value)


def usage_name(value: str) -> str | None:
    """The usage name, only where the birth name is said beside it."""
    return name(value) if NEE.search(" ".join(value.split())) else None


def first_names(value: str | tuple[str | None, ...]) -> list[str] | None:
    """Given names in order: several columns, or one with spaces or commas. A hyphen holds a compound together."""
    columns = (value,) if isinstance(value, str) else tuple(column for column in value if column)
    separator = r"[,;]\s*|\s+" if isinstance(value, str) else r"[,;]\s*"
    names = [" ".join(part.split()) for column in columns for part in re.split(separator, column.strip())]
    return [each for each in names if each] or None


def day(value: str) -> str | None:
    """A date in any of the forms partners use, as ISO text."""
    if found := ISO_DATE.fullmatch(value):
        year, month, number = found.groups()
    elif found := FRENCH_DATE.fullmatch(value):
        number, month, year = found.groups()
    elif value.isascii() and value.isdigit() and len(value) <= EXCEL_DIGITS and int(value) in EXCEL_DAYS:
        return (EXCEL_EPOCH + timedelta(days=int(value))).isoformat()
    else:
        raise Unconvertible("Date illisible : écrire jj/mm/aaaa ou aaaa-mm-jj.")
    try:
        return date(int(year), int(month), int(number)).isoformat()
    except ValueError:
        raise Unconvertible("Cette date n'existe pas : vérifier le jour et le mois.") from None


def moment(value: tuple[str | None, ...]) -> str | None:
    """A day and an hour in two columns, as ISO text."""
    when, hour = value
    if not when:
        return None
    return f"{day(when)}T{hour}:00" if hour and HOUR.fullmatch(hour) else day(when)


def birth_date_precision(value: str) -> str | None:
    """CNAF's TYPEDTNAI: N full, J day unknown, O day and month unknown."""
    return {"N": "day", "J": "month", "O": "year"}.get(value)


def nir(value: str) -> str | None:
    """The 13 characters; a malformed number is kept as received and marked."""
    parsed = Nir.parse(value)
    return parsed.value if parsed else None


def nir_key_status(value: str) -> str | None:
    """Whether the key was given and right."""
    parsed = Nir.parse(value)
    return parsed.key_status if parsed else None


def nir_kind(value: str) -> str | None:
    """Whether the number is attributed for good."""
    parsed = Nir.parse(value)
    return parsed.kind if parsed else None


def caf_number(value: str | tuple[str | None, ...]) -> str | None:
    """The allocataire number: zeros that pad it are cut. MSA's matricule is a NIR: it is never one."""
    number, body = (value, "CAF") if isinstance(value, str) else value
    digits = NOT_A_DIGIT.sub("", number or "")
    if not digits or body == "MSA":
        return None
    if len(digits) > CAF_DIGITS and not digits[CAF_DIGITS:].strip("0"):
        return digits[:CAF_DIGITS]
    return digits.lstrip("0").rjust(CAF_DIGITS, "0") if len(digits.lstrip("0")) <= CAF_DIGITS else None


def phones(value: str | tuple[str | None, ...] | list[Any] | dict[str, Any]) -> list[str] | None:
    """French numbers in international form, mobiles first; what is not one is left out."""
    numbers = dict.fromkeys(number for part in _written_numbers(value) if (number := _phone(part)))
    return sorted(numbers, key=lambda number: number[3] not in "67") or None


def _written_numbers(value: Any) -> Iterator[str]:
    """Each number as it is written, whatever holds it: a text with several, columns, a list, an API's own object."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _written_numbers(each)
    elif isinstance(value, dict):
        yield from _written_numbers(value.get("numeroTelephone"))
    elif value:
        yield from re.split(r"[,;/]", str(value))


def _phone(part: str) -> str | None:
    digits = NOT_A_DIGIT.sub("", part)
    digits = digits.removeprefix("00").removeprefix("33") if len(digits) > 10 else digits
    digits = digits.removeprefix("0")
    return f"+33{digits}" if len(digits) == 9 and digits[0] in "123456789" else None


def email(value: str | list[Any]) -> str | None:
    """One address, lower case; what is not one is left out."""
    given = (
        next((each.get("adresseEmail") for each in value if isinstance(each, dict)), "")
        if isinstance(value, list)
        else value
    )
    found = EMAIL.search(given) if isinstance(given, str) else None
    return found[0].lower() if found else None


def postcode(value: str) -> str | None:
    """Five digits, the leading zero put back; taken from « 08300 RETHEL » too."""
    found = POSTCODE.match(value)
    return found[1].rjust(5, "0") if found else None


def after_postcode(value: str) -> str | None:
    """The commune in « 08300 RETHEL »."""
    return text(POSTCODE.sub("", value, count=1) if POSTCODE.match(value) else value)


def joined(value: tuple[str | None, ...]) -> str | None:
    """Several columns, one after the other."""
    return text(" ".join(part for part in value if part))


def boolean(value: str) -> bool | None:
    """Oui or Non, O or N, 1 or 0."""
    word = value.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unconvertible("Écrire Oui ou Non.")


def integer(value: str) -> int | None:
    """A whole number."""
    digits = value.strip().lstrip("0") or value.strip()[-1:]
    if not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
        raise Unconvertible("Écrire un nombre entier.")
    return int(digits)


def france_travail_number(value: str) -> str | None:
    """Eleven digits; anything else is another identifier."""
    folded = value.strip()
    return folded if folded.isascii() and folded.isdigit() and len(folded) == FRANCE_TRAVAIL_NUMBER else None


def france_travail_local_id(value: str) -> str | None:
    """Seven digits and a letter or digit, the region's prefix cut off. Look-alike letters of another alphabet are none."""
    folded = value.strip().upper()
    if not folded.isascii() or not folded.isalnum():
        return None
    if len(folded) == LONG_LOCAL_ID and not folded.isdigit():
        folded = folded[3:]
    return folded if len(folded) == SHORT_LOCAL_ID and folded[:7].isdigit() else None


def suspensions(value: tuple[list[dict[str, str]] | None, ...]) -> list[dict[str, str | None]] | None:
    """Every suspension with its date: of the right (first column), of the payment (second)."""
    of_right, of_payment = value
    found: list[dict[str, str | None]] = [
        {"kind": "right", "reason": each["MOTISUSDRORSA"], "since": day(each["DDSUSDRORSA"])}
        | ({"benefit_group": each["NATGROUPFSUS"]} if each.get("NATGROUPFSUS") else {})
        for each in _groups(of_right)
        if each.get("MOTISUSDRORSA") and each.get("DDSUSDRORSA")
    ]
    found += [
        {"kind": "payment", "reason": each["MOTISUSVERSRSA"], "since": day(each["DDSUSVERSRSA"])}
        for each in _groups(of_payment)
        if each.get("MOTISUSVERSRSA") and each.get("DDSUSVERSRSA")
    ]
    return found or None


def _groups(value: Any) -> list[dict[str, str]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def obstacles(value: tuple[str | None, ...]) -> list[str] | None:
    """Difficulty flags, in the order administrative, familiale, financière, insertion sociale, logement, mobilité."""
    kinds = ("administrative", "familiale", "financiere", "insertion_sociale", "logement", "mobilite")
    found = [kind for kind, flag in zip(kinds, value, strict=True) if flag and flag.strip().lower() in TRUE]
    return found or None


CONVERTERS: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (
        text, name, birth_name, usage_name, first_names, day, moment, birth_date_precision, nir, nir_key_status, nir_kind,
        caf_number, phones, email, postcode, after_postcode, joined, boolean, integer, france_travail_number,
        france_travail_local_id, suspensions, obstacles,
    )
}  # fmt: skip
