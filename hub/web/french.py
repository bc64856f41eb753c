"""How numbers, dates, states and codes are written for a French reader."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from hub.days import PARIS
from hub.monitoring.runbook import runbook
from hub.web.words import (
    ACTIONS,
    ACTS,
    CASES,
    KINDS,
    MANY,
    MEANING,
    MESSAGES,
    PARTNERS,
    ROLES,
    RULES,
    STATES,
    SUSPENDED,
)
from schemas.beneficiary import facts
from schemas.codes import code_lists

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.codes import CodeList

COMMAND = re.compile(r" *(Demander un nouvel envoi : )?hub (delivery|ledger) [^.]*\.")
ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
WALL_CLOCK = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::\d{2})?")
THIN, NO_BREAK = "\u202f", "\u00a0"
SHORT_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre")  # fmt: skip
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


# What stands between two tags; what a partner wrote (in code, in pre) stays as it was written.
BETWEEN_TAGS = re.compile(r"(<(code|pre|script)\b[^>]*>.*?</\2>)|>([^<]+)(?=<)", re.DOTALL)


def typeset(page: str) -> str:
    """A page with the spaces that French puts before high punctuation and inside its quotes made unbreakable."""
    return BETWEEN_TAGS.sub(_typeset, page)


def _typeset(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    words = re.sub(r" ([;!?])", THIN + r"\1", found[3])
    words = re.sub(r"«\s?", "«" + NO_BREAK, re.sub(r" ([:»])(?=\s|$|[.,)])", NO_BREAK + r"\1", words))
    return ">" + re.sub(r"(\d) %", r"\1" + THIN + "%", words)


def number(value: float | None) -> str:
    """Group thousands with a narrow no-break space; nothing is a dash."""
    return "–" if value is None else f"{value:,.0f}".replace(",", THIN)


def capped(value: tuple[int, bool]) -> str:
    """A count that stops counting: past it, it says « plus de »."""
    count, more = value
    return f"plus de {number(count)}" if more else number(count)


def percent(value: float | None) -> str:
    """A share, as in 12,5 %."""
    return "–" if value is None else f"{value * 100:.1f}".replace(".0", "").replace(".", ",") + f"{THIN}%"


def chance(value: float | None) -> str:
    """A probability: what is not certain is never shown as 0 or 100 %."""
    if value is not None and value > 0.999:
        return f"plus de {percent(0.999)}"
    if value is not None and value < 0.001:
        return f"moins de {percent(0.001)}"
    return percent(value)


def hours(value: float) -> str:
    """Hours, to a tenth."""
    return f"{value:.1f}".replace(".", ",") + f"{THIN}h"


def size(value: int) -> str:
    """Bytes, as people read them."""
    amount = float(value)
    for unit in ("octets", "ko", "Mo"):
        if amount < 1000:
            return f"{amount:.0f}{THIN}{unit}"
        amount /= 1000
    return f"{amount:.1f}{THIN}Go".replace(".", ",")


def seconds(value: float | None) -> str:
    """How long it took."""
    if value is None:
        return "–"
    if value < 120:
        return f"{value:.0f}{THIN}s"
    minutes = value / 60
    return f"{minutes:.0f}{THIN}min" if minutes < 120 else f"{minutes / 60:.0f}{THIN}h"


def when(moment: datetime | None) -> str:
    """A moment in Paris time."""
    return "–" if moment is None else moment.astimezone(PARIS).strftime(f"%d/%m/%Y{NO_BREAK}à{NO_BREAK}%H:%M")


def day(value: date | datetime | str | None) -> str:
    """A day, whichever way it is kept."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return f"{value[8:10]}/{value[5:7]}/{value[:4]}"
    return value.strftime("%d/%m/%Y")


def long_day(moment: datetime) -> str:
    """A day as it is said: samedi 28 novembre 2026, in Paris."""
    there = moment.astimezone(PARIS)
    first = "1er" if there.day == 1 else str(there.day)
    return f"{DAYS[there.weekday()]} {first} {MONTHS[there.month - 1]} {there.year}"


def month_name(text: str) -> str:
    """2026-11 as novembre 2026."""
    return f"{MONTHS[int(text[5:7]) - 1]}{NO_BREAK}{text[:4]}"


def short_month(text: str) -> str:
    """2026-11 as nov. 26."""
    return f"{SHORT_MONTHS[int(text[5:7]) - 1]} {text[2:4]}"


def state_name(state: str | None) -> str:
    """The state of a delivery, as an operator says it."""
    return STATES.get(state, state or "–")


def message_state(state: str) -> str:
    """The state of a message, as an operator says it."""
    return MESSAGES.get(state, state)


def messages_title(state: str) -> str:
    """The messages of a state, as a title."""
    return MANY[state]


def messages_meaning(state: str) -> str:
    """What the messages of a state are."""
    return MEANING[state]


def act_name(kind: str) -> str:
    """What was done, where no delivery is behind a message."""
    return ACTS.get(kind, kind)


def kind_name(kind: str | None) -> str:
    """Whether a delivery is a picture of everybody, or what changed."""
    return KINDS.get(kind, kind or "–")


def alarm_name(kind: str) -> str:
    """What an alarm is about."""
    return runbook().title(kind)


def rule_name(rule: str) -> str:
    """What a rule refuses."""
    return RULES.get(rule, rule.replace("_", " "))


def told(message: str) -> str:
    """What an alarm or a reason says, for a screen: fields by their label, states in French, without commands to type."""
    said = ISO_DAY.sub(r"\3/\2/\1", COMMAND.sub("", message))
    said = re.sub(r"(?<![\w.])(\d+)\.(\d+)(?![\w.]*\w)", r"\1,\2", said)
    said = re.sub(r"\((applied|held|received|outdated)\)", lambda found: f"({STATES[found[1]]})", said)
    return re.sub(r"\b[a-z_]+\.[a-z_0-9]+\b", lambda found: _quoted(found[0]), said)


def alarm_told(message: str) -> str:
    """What an alarm says, where its flow, its partner or its delivery are already named."""
    said = told(re.sub(r"^[a-z_0-9]+(?:, livraison \d+(?: \([^)]*\))?)?\s: ", "", message))
    return said[:1].upper() + said[1:]


def _quoted(path: str) -> str:
    return f"«\u00a0{facts()[path].label}\u00a0»" if path in facts() else path


def short_flow(label: str) -> str:
    """The label of a flow without what stands in brackets."""
    return label.partition(" (")[0]


def flows_named(words: str, labels: Mapping[str, str]) -> str:
    """A sentence with flows called by their label."""
    return re.sub(r"\b[a-z]+(?:_[a-z0-9]+)+\b", lambda found: labels.get(found[0], found[0]), words)


def role_name(role: str) -> str:
    """What somebody is, here."""
    return ROLES.get(role, role)


def action_name(action: str) -> str:
    """What was done with somebody's data."""
    return ACTIONS.get(action, action)


def case_kind(kind: str) -> str:
    """Why the machine did not decide."""
    return CASES.get(kind, kind.replace("_", " "))


def partner_name(partner: str) -> str:
    """The name of a partner, as people say it."""
    kind, _, code = partner.partition("_")
    return PARTNERS.get(partner, f"Département{NO_BREAK}{code}" if kind == "departement" else partner)


def field_name(path: str) -> str:
    """The label of a field of the common record; the column's own name when it is none."""
    known = facts().get(path)
    if known is None:
        return path
    return (
        known.label.partition(" (")[0] if known.codes else known.label
    )  # values are shown by their label, not their code


def value_shown(value: Any, path: str = "") -> str:
    """A value of the common record as people read it: codes by their label, lists in a row, dates the French way."""
    fact = facts().get(path)
    codes = code_lists().get(fact.codes) if fact and fact.codes else None
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, list):
        return ", ".join(_part(each, codes) for each in value) or "–"
    text = str(value)
    if codes is not None:
        return codes.label_of(text)
    return day(text) if _is_day(text) else hour(text)


def hour(text: str) -> str:
    """An appointment as partners write it, 2026-11-30T09:30:00, on the clock of the wall; anything else as it is."""
    found = WALL_CLOCK.fullmatch(text)
    return f"{day(found[1])}{NO_BREAK}à{NO_BREAK}{found[2]}" if found else text


def _part(value: Any, codes: CodeList | None) -> str:
    if isinstance(value, dict):
        return ", ".join(_part(each, codes) for each in value.values() if each is not None)
    text = str(value)
    if _is_day(text) or text in SUSPENDED:
        return SUSPENDED.get(text) or day(text)
    return codes.label_of(text) if codes else text


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False
