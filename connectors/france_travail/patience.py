"""How long to insist when France Travail does not answer, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from connectors.france_travail.errors import Unavailable, Unsent

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

ASSUMED_WAIT = 60.0  # seconds, when a 429 does not say


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Waits are in seconds. A wait longer than ``longest_wait`` is not made: the caller hears of it at once.

    After ``give_up_after`` people in a row without an answer, the others of the same pull are not asked.
    """

    attempts: int = 4
    first_wait: float = 1.0
    longest_backoff: float = 30.0
    longest_wait: float = 120.0
    give_up_after: int = 12

    def insist(self, call: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
        """Call until it answers; raises the last ``Unavailable`` when patience is spent."""
        retrying = Retrying(
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            retry=retry_if_exception(self._worth_waiting),
            sleep=sleep,
            reraise=True,
        )
        return retrying(call)

    def _worth_waiting(self, error: BaseException) -> bool:
        if isinstance(error, Unsent):
            return False
        return isinstance(error, Unavailable) and (error.retry_after or 0.0) <= self.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Unavailable) and error.retry_after is not None:
            return error.retry_after
        backoff = wait_exponential_jitter(multiplier=self.first_wait, max=self.longest_backoff, jitter=self.first_wait)
        return float(backoff(state))
