"""What becomes of a message after an answer: the retry policy, by class of error. Plain values, nothing read, nothing written.

| class | codes | fate |
|---|---|---|
| nothing was sent | PAUSED, CIRCUIT_OPEN, SWITCHED_OFF, OUT_OF_DATES | waits, no try is counted |
| nobody answers | 429, 5xx, R999, UNREACHABLE, UNREADABLE, 408, 409, 425 | tried again: when the partner says, else twice as late each time |
| the partner does not find the person | S002, S003, 404, NO_IDENTIFIER | unfound: goes by itself once the keys we search with change |
| the content is wrong | R997, 400, 413, 415, 422, INCOMPLETE, ID_NON_RECONNU | parked at once: to be corrected, then replayed |
| the partner says no | R001, R002, R998 and what is not named here | rejected, never tried again |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from connectors.outcome import Outcome

Fate = Literal["acknowledged", "untried", "retried", "unfound", "parked", "rejected"]

UNTRIED = frozenset({"PAUSED", "CIRCUIT_OPEN", "SWITCHED_OFF", "OUT_OF_DATES"})
PASSING = frozenset({"R999", "UNREACHABLE", "UNREADABLE", "HTTP_408", "HTTP_409", "HTTP_425", "HTTP_429"})
UNFOUND = frozenset({"S002", "S003", "HTTP_204", "HTTP_404", "NO_IDENTIFIER"})
CONTENT = frozenset({"R997", "HTTP_400", "HTTP_413", "HTTP_415", "HTTP_422", "INCOMPLETE", "ID_NON_RECONNU"})


def fate_of(outcome: Outcome) -> Fate:
    """What becomes of a message that had this outcome."""
    if outcome.accepted:
        return "acknowledged"
    if outcome.code in UNTRIED:
        return "untried"
    if outcome.retry or outcome.code in PASSING or outcome.code.startswith("HTTP_5"):
        return "retried"
    if outcome.code in UNFOUND:
        return "unfound"
    return "parked" if outcome.code in CONTENT else "rejected"
