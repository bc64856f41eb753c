"""The demonstration's next morning leaves one of each thing that waits for a person, and each can be dealt with."""

from __future__ import annotations

import pytest
from cycle import turn
from sqlalchemy import text

from hub.intake.held import what_releasing_does
from hub.share import share_with
from hub.sharing.aside import replay

pytestmark = pytest.mark.integration

WAITS = {
    "held": "select count(*) from delivery where state = 'held'",
    "quarantined": "select count(*) from quarantine where state = 'open'",
    "doubtful": "select count(*) from review_case where closed_at is null",
    "parked": "select count(*) from message where state = 'parked'",
}


def waiting(hub):
    with hub.engine.connect() as connection:
        return {name: connection.execute(text(asked)).scalar_one() for name, asked in WAITS.items()}


def test_the_morning_after_leaves_one_of_each_and_what_is_replayed_leaves(hub, partners, clock):
    partners.deposit_day(0)
    turn(hub, partners, clock)
    before = waiting(hub)
    partners.deposit_morning()
    turn(hub, partners, clock)
    after = waiting(hub)

    assert (before["held"], before["quarantined"], before["parked"]) == (0, 0, 0)
    assert (after["held"], after["quarantined"] > 0, after["parked"] > 0, after["doubtful"] > 0) == (
        1,
        True,
        True,
        True,
    )

    partners.mend()
    with hub.engine.begin() as connection:
        replay(connection, now=clock(), partner="pole_emploi", states=["parked"])
    sent = share_with(hub, "pole_emploi", clock=clock)
    assert (sent["acknowledged"], waiting(hub)["parked"]) == (after["parked"], 0)


def test_what_letting_it_through_would_do_is_said_and_nothing_moves(hub, partners, clock):
    partners.deposit_day(0)
    turn(hub, partners, clock)
    partners.deposit_morning()
    turn(hub, partners, clock)
    with hub.engine.connect() as connection:
        (held,) = connection.execute(text("select id from delivery where state = 'held'")).scalars()
    before = waiting(hub)
    would = what_releasing_does(hub, held, author="a.dupont", now=clock())

    assert would["received"] == sum(
        would[name] for name in ("applied", "unchanged", "superseded", "quarantined", "refused")
    )
    assert would["state"] == "applied"
    assert waiting(hub) == before
    with hub.engine.begin() as connection:
        connection.execute(text("delete from staged_record where delivery_id = :id"), {"id": held})
    assert what_releasing_does(hub, held, author="a.dupont", now=clock()) == would, "read again where it must be"
