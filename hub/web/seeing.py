"""What an account may see of the declared flows: the hub's people all of them, a partner's its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from connectors.declaration import Flow
    from hub.opening import Hub
    from hub.web.accounts import Account


def incoming(hub: Hub, account: Account) -> list[Flow]:
    """The incoming flows an account sees."""
    return [flow for flow in hub.flows.values() if flow.direction == "in" and sees(account, flow.partner)]


def outgoing_partners(hub: Hub, account: Account) -> list[str]:
    """The partners we share with, of those an account sees."""
    return [partner for partner in sorted(hub.agreements) if sees(account, partner)]


def sees(account: Account, partner: str) -> bool:
    """Whether what is a partner's may be shown."""
    return account.partner is None or account.partner == partner


def seen(account: Account, partner: str | None) -> None:
    """Raise ``FixTheDeclaration``, as for what does not exist, unless the account may see what is this partner's."""
    if partner is None or not sees(account, partner):
        raise FixTheDeclaration("There is no such thing here.")
