"""Renderers: one value of the common record, as a partner reads it. A list of small functions; to add one, append it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def text(value: Any) -> str:
    """As it is; lists joined by a comma, booleans Oui or Non."""
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if isinstance(value, list):
        return ", ".join(text(each) for each in value)
    return str(value)


def french_date(value: Any) -> str:
    """An ISO date as dd/mm/yyyy."""
    year, month, day = str(value)[:10].split("-")
    return f"{day}/{month}/{year}"


def suspensions(value: Any) -> str:
    """Reasons and dates, one after the other."""
    return ", ".join(f"{each['reason']} depuis le {french_date(each['since'])}" for each in value)


RENDERERS: dict[str, Callable[[Any], str]] = {
    function.__name__: function for function in (text, french_date, suspensions)
}
