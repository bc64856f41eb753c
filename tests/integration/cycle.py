"""One turn of the cycle in this process, with the functions the DAGs call."""

from __future__ import annotations

from hub.intake import pipeline
from hub.opening import Hub
from hub.people.reconcile import reconcile
from hub.settings import Settings
from hub.share import acknowledge_from, file_partners, partners, share_with
from hub.storage.vault import open_vault


def turn(hub, sandbox, clock):
    """Receive every flow, reconcile, ask Pôle emploi, reconcile, share, acknowledge; returns ledger lines and messages."""
    lines, messages = [], {}
    incoming = [flow for flow in hub.flows.values() if flow.direction == "in"]
    for flows in (incoming, [flow for flow in incoming if flow.protocol == "api"]):
        for flow in flows:
            lines += pipeline.receive(hub, flow, clock=clock)
        for partner, number in reconcile(hub, clock=clock)["messages"].items():
            messages[partner] = messages.get(partner, 0) + number
    for partner in partners(hub):
        share_with(hub, partner, clock=clock)
    sandbox.partners_work()
    for partner in file_partners(hub):
        acknowledge_from(hub, partner, clock=clock)
    return lines, messages


def new_hub(home, url):
    """A hub with its own keys, raw store and database."""
    settings = Settings(home=home, database_url=url.render_as_string(hide_password=False))
    open_vault(settings.keys, create=True)
    return Hub(settings)
