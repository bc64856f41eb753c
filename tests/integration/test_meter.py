"""The meter counts what people were spared, and what they were asked again although it was known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from test_sharing import OF_CAF, OF_DEPARTEMENT, World

from hub.sandbox.judge import QUESTIONS
from hub.sharing.meter import Form, Question, load_forms, meter
from schemas.errors import FixTheDeclaration
from schemas.tables import source_version

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FORMS = {
    "departement_08": Form(
        partner="departement_08", form="Entretien",
        questions=(Question(field="rsa.state", minutes=6, fresh_days=30), Question(field="contact.email", minutes=3, fresh_days=90)),
    )
}  # fmt: skip


@pytest.fixture
def store(engine):
    return World(engine)


def lines(store, now=NOW):
    with store.engine.connect() as connection:
        return meter(connection, FORMS, now=now)


def line(**changes):
    empty = {"month": "2026-03", "partner": "departement_08", "form": "Entretien", "answered": 0, "fresh": 0,
             "hours_saved": 0.0, "asked_again": 0, "hours_lost": 0.0}  # fmt: skip
    return empty | changes


def test_a_question_answered_is_counted_once_in_the_forms_own_minutes(store):
    people = [
        store.someone(number, caf=OF_CAF | {"contact.email": "z@exemple.fr"}, departement_08=OF_DEPARTEMENT)
        for number in range(4)
    ]
    store.fill(*people)
    store.fill(*people)

    assert lines(store) == [line(answered=8, fresh=8, hours_saved=0.6)]


def test_an_answer_nobody_confirmed_lately_is_not_fresh_any_more(store):
    who = store.someone(1, caf=OF_CAF | {"contact.email": "z@exemple.fr"}, departement_08=OF_DEPARTEMENT)
    store.fill(who)

    assert lines(store, NOW + timedelta(days=31)) == [line(answered=2, fresh=1, hours_saved=0.05)]
    store.run("insert into delivery_record values (1, 1, 1, 'unchanged', 1)")
    store.run("update delivery set arrived_at = :later where id = 1", later=NOW + timedelta(days=20))
    assert lines(store, NOW + timedelta(days=31)) == [line(answered=2, fresh=2, hours_saved=0.15)]


def test_what_the_partner_asked_again_although_it_was_known_is_counted(store):
    who = store.someone(1, caf=OF_CAF)
    record = store.hears(who, "departement_08", OF_DEPARTEMENT)
    store.fill(who)
    with store.engine.begin() as connection:
        connection.execute(
            source_version.insert().values(
                source_record_id=record, version=2, content=OF_DEPARTEMENT | {"rsa.state": "4", "contact.email": "z@exemple.fr"},
                content_hash=b"", delivery_id=99, as_of=NOW.date(), recorded_at=NOW + timedelta(days=3),
            )
        )  # fmt: skip

    (found,) = lines(store, NOW + timedelta(days=4))

    assert (found["asked_again"], found["hours_lost"]) == (1, 0.1)


def test_what_was_said_too_long_ago_may_be_asked_again(store):
    who = store.someone(1, caf=OF_CAF)
    record = store.hears(who, "departement_08", OF_DEPARTEMENT)
    with store.engine.begin() as connection:
        connection.execute(
            source_version.insert().values(
                source_record_id=record, version=2, content=OF_DEPARTEMENT | {"rsa.state": "4"},
                content_hash=b"", delivery_id=99, as_of=NOW.date(), recorded_at=NOW + timedelta(days=45),
            )
        )  # fmt: skip

    assert lines(store, NOW + timedelta(days=46)) == []


def test_what_stood_in_the_first_delivery_of_a_flow_was_asked_before_the_hub_was_there(store):
    who = store.someone(1, caf=OF_CAF)
    store.hears(who, "departement_08", OF_DEPARTEMENT | {"rsa.state": "4"})
    store.run("update delivery set state = 'refused'")
    store.run(
        "update delivery set state = 'applied', received = 0, applied = 0, unchanged = 0, superseded = 0, quarantined = 0, refused = 0 where flow = 'departement_pivot'"
    )
    store.run(
        "update source_version set recorded_at = :later where source_record_id = 2", later=NOW + timedelta(days=1)
    )

    assert lines(store) == []


def test_a_whole_turn_is_measured_for_every_partner(finished, sandbox):
    with finished.engine.connect() as connection:
        found = {
            each["partner"]: each
            for each in meter(connection, load_forms(), now=datetime(2026, 11, 24, 12, tzinfo=UTC))
        }
        told = connection.execute(text("select count(distinct person_id) from told where partner = 'caf'")).scalar()

    assert set(found) == set(QUESTIONS)
    assert all(each["fresh"] == each["answered"] > 0 for each in found.values())
    assert found["caf"]["answered"] <= told * len(QUESTIONS["caf"])


def test_the_forms_ask_what_the_sandbox_partners_ask():
    assert {name: tuple(each.field for each in form.questions) for name, form in load_forms().items()} == QUESTIONS


def test_a_form_that_asks_for_nothing_known_is_named(tmp_path):
    (tmp_path / "caf.yml").write_text(
        "partner: caf\nform: F\nquestions:\n  - {field: rsa.nothing, minutes: 1, fresh_days: 1}\n", encoding="utf-8"
    )

    with pytest.raises(FixTheDeclaration, match="not a field of the common record"):
        load_forms(tmp_path)
