"""The error tree, by what the reader must do.

HubError
├── FixTheDeclaration      a YAML or a setting is wrong: correct it, nothing ran
├── FixTheDelivery         the partner sent something that cannot be taken: ask for another
├── TryAgainLater          the partner or the network is not there: wait, then run again
├── CallSomeone            a promise is broken (host key, chain, balance): stop and look
└── Unforeseen             a fault of ours: its place is said, its message, which may quote a value, is not

No message carries a person's data: flow, delivery, row number, field and rule only.
"""

from __future__ import annotations


class HubError(Exception):
    """Something went wrong in the hub."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class FixTheDeclaration(HubError):
    """A declaration is wrong: correct the file named here and try again."""


class FixTheDelivery(HubError):
    """The delivery cannot be taken as it is: ask the partner for another one."""


class TryAgainLater(HubError):
    """The partner cannot be reached now: nothing is lost, run again later."""


class CallSomeone(HubError):
    """A promise of the system is broken: stop, look, and do not force it."""


class Unforeseen(HubError):
    """Something nobody foresaw went wrong: say where to the developers."""
