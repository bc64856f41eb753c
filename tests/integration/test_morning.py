"""The demonstration's next morning leaves one of each thing that waits for a person, and each can be dealt with."""

from __future__ import annotations

import threading
import time

import pytest
from cycle import turn
from sqlalchemy import text
from visitors import open_accounts, token, visitor

from hub.intake.counted_release import count_release
from hub.intake.preview import ask_preview, count_preview, make_preview, preview_of, what_releasing_does
from hub.share import share_with
from hub.sharing.aside import replay
from hub.storage.giving_way import GaveWay, TooLong
from hub.storage.store import take_lock
from hub.web.serving import screens

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


@pytest.fixture
def held(hub, partners, clock):
    """A delivery that waits for an operator."""
    partners.deposit_day(0)
    turn(hub, partners, clock)
    partners.deposit_morning()
    turn(hub, partners, clock)
    with hub.engine.connect() as connection:
        return connection.execute(text("select id from delivery where state = 'held'")).scalar_one()


def stuck(hub, stop):
    """Somebody who works on the records that a preview comes to once it has the lock: it waits in the middle."""
    ready = threading.Event()

    def work():
        with hub.engine.begin() as connection:
            connection.execute(text("select from source_record for update"))
            ready.set()
            stop.wait(20)

    threading.Thread(target=work, daemon=True).start()
    assert ready.wait(10)


def test_a_preview_gives_way_to_whoever_must_reconcile(hub, held, clock):
    stop, before, said = threading.Event(), waiting(hub), []
    stuck(hub, stop)

    def look():
        try:
            what_releasing_does(hub, held, author="a.dupont", now=clock())
        except GaveWay as error:
            said.append(error)

    preview = threading.Thread(target=look)
    preview.start()
    time.sleep(1.5)  # it holds the lock by now, and waits for the records
    began = time.monotonic()
    with hub.engine.begin() as connection:
        take_lock(connection, "reconcile")
    waited = time.monotonic() - began
    preview.join(10)
    stop.set()

    assert len(said) == 1
    assert 0.5 < waited < 3
    assert waiting(hub) == before


def test_a_preview_that_takes_too_long_is_stopped_and_says_so(hub, held, clock):
    stop = threading.Event()
    stuck(hub, stop)

    with pytest.raises(TooLong):
        what_releasing_does(hub, held, author="a.dupont", now=clock(), longest=1)
    stop.set()
    would = what_releasing_does(hub, held, author="a.dupont", now=clock())

    assert would["state"] == "applied", "nothing of the one that was stopped is left"


def test_what_a_preview_found_is_kept_and_goes_with_the_decision(hub, held, clock):
    from hub.intake.held import refuse

    def shown():
        with hub.engine.connect() as connection:
            return preview_of(connection, held)

    assert shown() is None
    ask_preview(hub, held, author="a.dupont", now=clock())
    assert (shown().state, shown().counts) == ("asked", None)
    make_preview(hub, held, author="a.dupont", clock=clock)
    assert (shown().state, shown().asked_by, shown().counts["state"]) == ("done", "a.dupont", "applied")
    refuse(hub, held, author="a.dupont", reason="envoi partiel", now=clock())
    assert shown() is None


def test_the_page_of_a_held_delivery_says_how_far_the_preview_is(hub, held, clock):
    open_accounts(hub, clock())
    said = {
        "asked": "en train d'être essayé",
        "gave_way": "pour ne pas retarder ce qui arrivait",
        "too_long": "L'essai a été arrêté au bout de deux minutes",
        "failed": "L'essai n'a pas abouti",
    }
    ask_preview(hub, held, author="a.dupont", now=clock())
    with screens(hub, clock=clock) as address:
        client = visitor(address, "operator")
        for state, words in said.items():
            with hub.engine.begin() as connection:
                connection.execute(text("update release_preview set state = :it, done_at = now()"), {"it": state})
            page = client.get(f"/livraisons/{held}").text
            assert words in page
            assert ("Accepter sans" in page) == (state != "asked" or "sans attendre l&#39;essai" in page)
            assert "Accepter pour de bon" not in page, "not as if it had been tried"
            assert ("Essayer à nouveau" in page) == (state != "asked")
        form = {"jeton": token(client, f"/livraisons/{held}")}
        answer = client.post(f"/livraisons/{held}/accepter", data=form)

        assert answer.headers["location"] == f"/livraisons/{held}#decision"
        for _ in range(100):
            page = client.get(f"/livraisons/{held}").text
            if "Essayé puis défait" in page:
                break
            time.sleep(0.1)
        assert "Accepter pour de bon" in page


def test_what_is_counted_is_what_happens_to_records_and_no_fewer_persons(hub, held, clock):
    before = waiting(hub)
    counted = count_release(hub, held)
    would = what_releasing_does(hub, held, author="a.dupont", now=clock())

    for name in ("received", "applied", "unchanged", "superseded", "quarantined", "entered", "left"):
        assert counted[name] == would[name], name
    assert counted["applied"] > 0
    assert counted["persons_touched"] >= would["persons_touched"] > 0
    assert would["messages"]
    assert all(counted["messages"][partner] >= count for partner, count in would["messages"].items())
    assert waiting(hub) == before


def test_counting_waits_for_nobody_and_keeps_nobody_waiting(hub, held, clock):
    with hub.engine.begin() as connection:
        for name in ("reconcile", f"delivery:{held}", "flow:departement_pivot"):
            take_lock(connection, name)
        began = time.monotonic()
        assert count_release(hub, held)["applied"] > 0
        assert time.monotonic() - began < 2


def test_on_a_hub_that_always_matches_figures_and_the_decision_are_there_at_once(hub, held, clock):
    open_accounts(hub, clock())
    with screens(hub, clock=clock) as address, hub.engine.connect() as busy:
        take_lock(busy, "reconcile")
        client = visitor(address, "operator")
        form = {"jeton": token(client, f"/livraisons/{held}")}
        began = time.monotonic()
        client.post(f"/livraisons/{held}/accepter", data=form)
        page = client.get(f"/livraisons/{held}").text.replace("&#39;", "'")
        took = time.monotonic() - began
        assert "Compté fiche à fiche, sans rien essayer" in page
        assert "au plus" in page
        assert "Accepter sans attendre l'essai" in page
        assert took < 5
        busy.rollback()
        for _ in range(100):
            page = client.get(f"/livraisons/{held}").text
            if "Essayé puis défait" in page:
                break
            time.sleep(0.1)
        assert "Accepter pour de bon" in page, "what was tried takes the place of what was counted"


def test_a_preview_that_gave_way_keeps_what_was_counted(hub, held, clock, monkeypatch):
    monkeypatch.setattr(what_releasing_does, "__kwdefaults__", {"longest": 1.0})
    ask_preview(hub, held, author="a.dupont", now=clock())
    count_preview(hub, held)
    stop = threading.Event()
    stuck(hub, stop)
    make_preview(hub, held, author="a.dupont", clock=clock)
    stop.set()
    with hub.engine.connect() as connection:
        kept = preview_of(connection, held)

    assert (kept.state, kept.counts["exact"], kept.counts["applied"] > 0) == ("too_long", False, True)


def test_a_ledger_that_is_old_says_so_and_is_counted_again_by_whoever_asks(hub, held, clock, monkeypatch):
    monkeypatch.setattr("hub.intake.counted_ledger.FEW", -1)
    open_accounts(hub, clock())
    with screens(hub, clock=clock) as address:
        client = visitor(address, "operator")
        first = client.get("/flux/caf_rsa").text
        for _ in range(100):
            page = client.get("/flux/caf_rsa").text
            if "en train d'être recompté" not in page:
                break
            time.sleep(0.1)
        form = {"jeton": token(client, "/flux/caf_rsa")}
        answer = client.post("/flux/caf_rsa/recompter", data=form)

    assert "Le registre n'a pas encore été compté" in first.replace("&#39;", "'")
    assert "Fiches présentes dans la base" in page
    assert answer.headers["location"] == "/flux/caf_rsa?fait=recompte"
