"""A wider agreement waits for a second person, a narrower one holds at once; the effect on people is counted beforehand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
import yaml
from cycle import new_hub
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from test_sharing import CIVIL, DECISION, OF_CAF, OF_DEPARTEMENT, World

from connectors.budget import NotNow
from hub.intake.normalise import staging_of
from hub.opening import Hub
from hub.share import share_with
from hub.sharing.agreements import by_partner, load_agreements
from hub.sharing.approval import approve, in_force, propose, waiting
from hub.sharing.effect import effect
from hub.sharing.narrowing import withdraw_unagreed
from hub.sharing.switches import Gate
from hub.sharing.territory import LIVES_IN, lives_in
from hub.sharing.widening import content_of
from schemas.errors import FixTheDeclaration
from schemas.tables import protection, protection_record

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DECLARED = load_agreements()


def with_fields(partner, *, more=(), less=(), **changes):
    agreement = DECLARED[partner]
    fields = tuple(path for path in (*agreement.fields, *more) if path not in less)
    return agreement.model_copy(update={"fields": fields, **changes})


def declaring(*changed):
    return DECLARED | {each.partner: each for each in changed}


def test_what_is_found_when_a_store_is_first_opened_is_the_baseline(engine):
    assert in_force(engine, DECLARED) == DECLARED

    with engine.connect() as connection:
        kept = connection.execute(text("select name, kind, approved_by from agreement_version order by name")).all()
    assert [row.name for row in kept] == sorted(DECLARED)
    assert {(row.kind, row.approved_by) for row in kept} == {("baseline", "installation")}


def test_a_wider_agreement_gives_nothing_more_until_a_second_person_approves_it(engine):
    in_force(engine, DECLARED)
    wide = with_fields("caf", more=["contract.rank"])

    before = in_force(engine, declaring(wide))["caf"]
    propose(engine, wide, author="Alix", now=NOW)
    proposed = in_force(engine, declaring(wide))["caf"]
    with pytest.raises(FixTheDeclaration, match="cannot approve it"):
        approve(engine, wide, author=" alix", now=NOW)
    alone = in_force(engine, declaring(wide))["caf"]
    with engine.connect() as connection:
        assert waiting(connection)["caf"]["proposed_by"] == "Alix"
    approve(engine, wide, author="Bo", now=NOW)

    assert before == proposed == alone == DECLARED["caf"]
    assert in_force(engine, declaring(wide))["caf"] == wide
    with engine.connect() as connection:
        assert waiting(connection) == {}


def test_what_is_approved_is_exactly_what_was_proposed(engine):
    in_force(engine, DECLARED)
    propose(engine, with_fields("caf", more=["contract.rank"]), author="Alix", now=NOW)

    with pytest.raises(FixTheDeclaration, match="nobody proposed the agreement as it is declared now"):
        approve(engine, with_fields("caf", more=["contract.rank", "referent.last_name"]), author="Bo", now=NOW)


def test_the_store_itself_refuses_one_person_alone(engine):
    in_force(engine, DECLARED)
    propose(engine, with_fields("caf", more=["contract.rank"]), author="Alix", now=NOW)

    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(
            text("update agreement_version set approved_by = 'ALIX', approved_at = now() where kind = 'wider'")
        )


def test_a_partner_nobody_approved_is_shared_nothing(engine):
    in_force(engine, {name: each for name, each in DECLARED.items() if name != "caf"})

    assert "caf" not in in_force(engine, DECLARED)


def test_a_narrower_agreement_holds_at_once_and_giving_it_back_wants_two_people(engine):
    in_force(engine, DECLARED)
    narrow = with_fields("caf", less=["contract.kind"])

    assert in_force(engine, declaring(narrow))["caf"] == narrow
    assert in_force(engine, DECLARED)["caf"] == narrow


def test_what_gives_more_here_and_less_there_gives_less_at_once_and_more_later(engine):
    in_force(engine, DECLARED)
    both = with_fields("caf", more=["contract.rank"], less=["contract.kind"])

    held = in_force(engine, declaring(both))["caf"]

    assert not {"contract.kind", "contract.rank"} & set(held.fields)
    propose(engine, both, author="Alix", now=NOW)
    approve(engine, both, author="Bo", now=NOW)
    assert in_force(engine, declaring(both))["caf"] == both


def test_there_is_nothing_to_propose_where_nothing_more_is_given(engine):
    in_force(engine, DECLARED)

    with pytest.raises(FixTheDeclaration, match="nothing to approve"):
        propose(engine, with_fields("caf", less=["contract.kind"]), author="Alix", now=NOW)


# --- the effect on people -----------------------------------------------------------------------------------------


def threatened(world, *people):
    with world.engine.begin() as connection:
        for person in people:
            number = connection.execute(
                protection.insert()
                .values(kind="threat", person_id=person, reason="r", author="a", opened_at=NOW)
                .returning(protection.c.id)
            ).scalar_one()
            records = connection.execute(
                text("select source_record_id from link where person_id = :person"), {"person": person}
            ).scalars()
            for record in records.all():
                connection.execute(protection_record.insert().values(protection_id=number, source_record_id=record))


def test_the_effect_is_counted_person_by_person(engine):
    world = World(engine)
    spoken = {"contract.rank": "1", "referent.last_name": "DUPONT"}
    people = [world.someone(number, caf=OF_CAF, departement_08=OF_DEPARTEMENT | spoken) for number in range(3)]
    people.append(world.someone(3, caf=OF_CAF, departement_08=OF_DEPARTEMENT | {"contract.rank": "2"}))
    people.append(world.someone(4, caf=OF_CAF | {"contract.rank": "1"}, departement_08=OF_DEPARTEMENT | spoken))
    people.append(world.someone(5, departement_08=OF_DEPARTEMENT | spoken))  # not followed by the CAF
    world.fill(*people)
    threatened(world, people[0])

    with engine.connect() as connection:
        found = effect(
            connection,
            DECLARED["caf"],
            with_fields("caf", more=["contract.rank", "referent.last_name"]),
            today=NOW.date(),
        )

    assert (found.newly_visible.people, found.newly_visible.protected) == (5, 1)
    assert found.newly_visible.by_field == {"contract.rank": 4, "referent.last_name": 4}
    assert found.sentences[0] == "5 personnes × 2 champs nouvellement visibles de la CAF/MSA, dont 1 sous protection."
    assert found.sentences[-1] == "Élargissement (champs ajoutés) : une seconde personne doit l'approuver."


def test_what_will_no_longer_be_told_is_counted_too(engine):
    world = World(engine)
    world.fill(*(world.someone(number, caf=OF_CAF, departement_08=OF_DEPARTEMENT | DECISION) for number in range(2)))

    with engine.connect() as connection:
        found = effect(connection, DECLARED["caf"], with_fields("caf", less=["orientation.pathway"]), today=NOW.date())

    assert found.no_longer_visible.by_field == {"orientation.pathway": 2}
    assert found.sentences[0].startswith("2 personnes dont la CAF/MSA ne recevra plus 1 champ")
    assert found.sentences[-1] == "Restriction : elle vaut dès qu'elle est installée."


def test_an_agreement_that_is_over_shows_nobody(engine):
    world = World(engine)
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | DECISION))

    with engine.connect() as connection:
        found = effect(connection, DECLARED["caf"], DECLARED["caf"], today=date(2030, 1, 1))

    assert (found.newly_visible.people, found.no_longer_visible.people) == (0, 0)


# --- several purposes ---------------------------------------------------------------------------------------------


FURTHER = with_fields("caf").model_copy(
    update={"name": "caf_bilan", "purpose": "Établir le bilan annuel", "fields": ("contract.rank", "contract.state"),
            "valid_until": date(2026, 6, 30)}
)  # fmt: skip


def test_a_partner_is_told_for_each_of_its_purposes_and_the_journal_says_which(engine):
    world = World(engine)
    world.agreements = by_partner(DECLARED | {"caf_bilan": FURTHER})
    spoken = {"contract.rank": "1", "contract.state": "V", "orientation.pathway": "social"}
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | spoken))

    (fields,) = world.fields("caf")
    assert fields.keys() == spoken.keys()
    with engine.connect() as connection:
        told = connection.execute(
            text("select agreement, purpose, fields from disclosure where partner = 'caf' order by position")
        ).all()
    assert [tuple(row) for row in told] == [
        ("caf", DECLARED["caf"].purpose, ["contract.state", "orientation.pathway"]),
        ("caf_bilan", "Établir le bilan annuel", ["contract.rank"]),
    ]
    assert world.verified().faults == ()


def test_a_purpose_ends_by_itself_and_the_others_go_on(engine):
    world = World(engine)
    world.agreements = by_partner(DECLARED | {"caf_bilan": FURTHER})
    spoken = {"contract.rank": "1", "contract.state": "V"}
    who = world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | spoken)

    world.fill(who, now=datetime(2026, 7, 1, 9, 0, tzinfo=UTC))

    assert [list(fields) for fields in world.fields("caf")] == [["contract.state"]]


def test_what_waits_under_a_purpose_that_ended_is_written_again_without_it(engine):
    world = World(engine)
    world.agreements = by_partner(DECLARED | {"caf_bilan": FURTHER})
    world.fill(
        world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | {"contract.rank": "1", "contract.state": "V"})
    )
    at = {name: datetime(2026, 6, 30, hour, 30, tzinfo=UTC) for name, hour in (("before", 21), ("after", 22))}

    with engine.begin() as connection:
        assert withdraw_unagreed(connection, world.agreements["caf"], now=at["before"]) is None
    assert [set(fields) for fields in world.fields("caf")] == [{"contract.rank", "contract.state"}]
    with engine.begin() as connection:
        assert withdraw_unagreed(connection, world.agreements["caf"], now=at["after"]) is not None

    assert [set(fields) for fields in world.fields("caf")] == [{"contract.state"}]
    with engine.begin() as connection:
        assert withdraw_unagreed(connection, world.agreements["caf"], now=at["after"] + timedelta(days=1)) is None


def test_a_run_that_comes_to_the_end_of_an_agreement_stops(engine):
    goes_on = iter([True, False])
    seconds = iter(range(10))
    gate = Gate(engine=engine, partner="caf", agreed=lambda: next(goes_on), monotonic=lambda: float(next(seconds)))

    gate.may_send()

    with pytest.raises(NotNow, match="OUT_OF_DATES"):
        gate.may_send()


def test_each_purpose_is_approved_by_itself(engine):
    in_force(engine, DECLARED)
    declared = DECLARED | {"caf_bilan": FURTHER}

    assert "contract.rank" not in by_partner(in_force(engine, declared))["caf"].all_fields
    propose(engine, FURTHER, author="Alix", now=NOW)
    approve(engine, FURTHER, author="Bo", now=NOW)

    assert "contract.rank" in by_partner(in_force(engine, declared))["caf"].all_fields
    assert in_force(engine, declared)["caf"] == DECLARED["caf"]


# --- nothing leaves beyond the agreement in force -----------------------------------------------------------------


@pytest.fixture
def declared_folder(tmp_path):
    """The agreements as YAML one may change."""

    class Folder:
        path = tmp_path / "agreements"

        def write(self, *agreements):
            self.path.mkdir(exist_ok=True)
            for each in agreements:
                (self.path / f"{each.partner}.yml").write_text(yaml.safe_dump(content_of(each)), encoding="utf-8")

    folder = Folder()
    folder.write(*DECLARED.values())
    return folder


def test_what_waits_is_narrowed_before_it_leaves(tmp_path, database_url, declared_folder):
    home = new_hub(tmp_path / "hub", database_url)
    hub = Hub(home.settings.model_copy(update={"agreements_dir": declared_folder.path}))
    world = World(hub.engine)
    world.agreements = hub.agreements
    world.fill(world.someone(1, caf=OF_CAF, departement_08=OF_DEPARTEMENT | DECISION))
    declared_folder.write(with_fields("caf", less=["orientation.pathway"]))

    again = Hub(hub.settings)
    with again.engine.begin() as connection:
        withdraw_unagreed(connection, again.agreements["caf"], now=NOW + timedelta(seconds=1))

    assert [list(fields) for fields in world.fields("caf")] == [["orientation.decided_on"]]
    hub.engine.dispose()
    again.engine.dispose()


def test_a_process_that_lives_long_goes_by_the_agreement_of_the_moment(tmp_path, database_url, declared_folder):
    home = new_hub(tmp_path / "hub", database_url)
    hub = Hub(home.settings.model_copy(update={"agreements_dir": declared_folder.path}))
    assert "orientation.pathway" in hub.agreements["caf"].fields

    declared_folder.write(with_fields("caf", less=["orientation.pathway"]))

    assert "orientation.pathway" in hub.agreements["caf"].fields
    assert "orientation.pathway" not in hub.again().agreements["caf"].fields
    assert hub.again().engine is hub.engine
    hub.engine.dispose()


def test_sharing_under_an_agreement_nobody_approved_says_what_to_do(tmp_path, database_url, declared_folder):
    home = new_hub(tmp_path / "hub", database_url)
    (declared_folder.path / "caf.yml").unlink()
    settings = home.settings.model_copy(update={"agreements_dir": declared_folder.path})
    first = Hub(settings)
    assert "caf" not in first.agreements
    declared_folder.write(DECLARED["caf"])
    hub = Hub(settings)

    with pytest.raises(FixTheDeclaration, match="hub agreements propose caf"):
        share_with(hub, "caf", clock=lambda: NOW)
    first.engine.dispose()
    hub.engine.dispose()


def test_a_field_nobody_may_know_is_not_stored(hub, partners, clock):
    from hub.intake import pipeline

    partners.deposit_day(0)
    pipeline.receive(hub, hub.flow("pole_emploi_extrait"), clock=clock)

    with hub.engine.connect() as connection:
        stored = set(
            connection.execute(text("select distinct jsonb_object_keys(content) from source_version")).scalars()
        )
        row = connection.execute(text("select * from delivery")).one()
        kept = staging_of(hub, connection, row, now=NOW).kept
    assert {"job_seeker.category", "identity.birth_name"} <= stored <= kept
    assert not {"job_seeker.rome_1", "diagnosis.obstacles"} & stored
    assert CIVIL.keys() <= stored


# --- its territory ------------------------------------------------------------------------------------------------


def living(number, commune, **said):
    return {
        "departement_08": OF_DEPARTEMENT | {"identifiers.departement_id": f"D-{number}"},
        "caf": OF_CAF | {"contact.commune_code": commune} | said,
    }


def test_an_agreement_approved_before_it_named_a_territory_is_narrowed_at_once(engine):
    in_force(engine, DECLARED)
    with engine.begin() as connection:
        connection.execute(text("update agreement_version set content = content - 'territory', sha256 = 'before'"))

    held = in_force(engine, DECLARED)

    assert held == DECLARED
    with engine.connect() as connection:
        kinds = connection.execute(text("select name, kind from agreement_version where kind = 'narrower'")).all()
    assert {row.name for row in kinds} == {"caf", "departement_08", "departement_52"}  # Pôle emploi is everywhere


def test_a_wider_territory_waits_for_a_second_person_and_says_whom_it_would_show(engine):
    in_force(engine, DECLARED)
    world = World(engine)
    communes = ("08105", "08105", "52121", "75112")
    world.fill(*(world.someone(number, **living(number, commune)) for number, commune in enumerate(communes)))
    wide = with_fields("departement_08", territory=("08", "52"))

    with engine.connect() as connection:
        found = effect(connection, DECLARED["departement_08"], wide, today=NOW.date())

    assert found.wider == ["territory"]
    assert (found.newly_visible.people, found.newly_covered.people) == (0, 1)
    assert found.newly_covered.by_field["rsa.state"] == 1
    assert any("hors du territoire jusqu'ici" in each for each in found.sentences)
    assert in_force(engine, declaring(wide))["departement_08"].territory == ("08",)


@pytest.mark.parametrize(
    ("commune", "postcode"),
    [(None, None), ("08105", None), ("2A004", None), ("97411", "08000"), *((None, each) for each in
     ("08000", "20090", "20167", "20200", "20620", "97400", "98714"))],
)  # fmt: skip
def test_where_somebody_lives_is_read_alike_in_sql(engine, commune, postcode):
    said = {"contact.commune_code": commune, "contact.postcode": postcode}
    dossier = {path: {"value": value, "partner": "caf"} for path, value in said.items() if value}
    with engine.connect() as connection:
        query = f"select {LIVES_IN} from (select cast(:content as jsonb) as content) d"
        found = connection.execute(text(query), {"content": orjson.dumps(dossier).decode()}).scalar_one()

    assert found == lives_in(dossier)
