"""The once-only meter: of the questions each partner's form asks, those the hub answered, and those asked again although known.

A form is data (``hub/sharing/forms/<partner>.yml``): the fields it asks for, how long a question takes, and how recently an answer must
have been confirmed to be worth giving. An answer is confirmed by the last delivery in which its source said so.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from schemas.beneficiary import facts
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Part):
    """One question: the field that answers it, the minutes it takes, the days an answer stays fresh."""

    field: str
    minutes: float = Field(gt=0, le=60)
    fresh_days: int = Field(ge=1)


class Form(Part):
    """What a partner asks people."""

    partner: str
    form: str
    questions: tuple[Question, ...] = Field(min_length=1)


# Answers given: each person and question a partner was told in a month, and whether it is confirmed recently enough now.
ANSWERED = """
with question as (
  select * from jsonb_to_recordset(cast(:questions as jsonb)) as q (partner text, field text, minutes numeric, fresh_days int)
), confirmed as (
  select o.source_record_id, max(d.arrived_at) as at
  from delivery_record o join delivery d on d.id = o.delivery_id
  where o.outcome in ('applied', 'unchanged') group by o.source_record_id
), answer as (
  select distinct to_char(e.at at time zone 'Europe/Paris', 'YYYY-MM') as month, e.partner, e.person_id, q.field, q.minutes, q.fresh_days
  from disclosure e cross join unnest(e.fields) as f (field) join question q on q.partner = e.partner and q.field = f.field
)
select a.month, a.partner, count(*) as answered, count(*) filter (where fresh) as fresh,
       coalesce(sum(minutes) filter (where fresh), 0)::float / 60 as hours
from (
  select a.*, coalesce(
    t.content -> a.field = d.content -> a.field -> 'value'
    and coalesce(c.at, r.updated_at) >= cast(:now as timestamptz) - make_interval(days => a.fresh_days), false) as fresh
  from answer a
  left join told t on t.partner = a.partner and t.person_id = a.person_id
  left join dossier d on d.person_id = a.person_id
  left join source_record r on r.id = cast(d.content -> a.field ->> 'record' as bigint)
  left join confirmed c on c.source_record_id = r.id
) a
group by a.month, a.partner
"""

# Questions asked again: the partner itself came to say what another had said of the person before, recently enough.
# What stood in the first delivery of its flow was asked before the hub was there.
ASKED_AGAIN = """
with question as (
  select * from jsonb_to_recordset(cast(:questions as jsonb)) as q (partner text, field text, minutes numeric, fresh_days int)
), first as (
  select flow, min(id) as delivery from delivery where state = 'applied' group by flow
), asked as (
  select to_char(v.recorded_at at time zone 'Europe/Paris', 'YYYY-MM') as month, r.partner, l.person_id, q.field, q.minutes,
         min(v.recorded_at) as at, max(q.fresh_days) as fresh_days
  from source_version v
  join source_record r on r.id = v.source_record_id
  join link l on l.source_record_id = r.id and l.superseded_at is null
  join question q on q.partner = r.partner and jsonb_exists(v.content, q.field)
  left join source_version b on b.source_record_id = v.source_record_id and b.version = v.version - 1
  left join first f on f.flow = r.flow
  where v.delivery_id is distinct from f.delivery and not coalesce(jsonb_exists(b.content, q.field), false)
  group by 1, 2, 3, 4, 5
)
select a.month, a.partner, count(*) as asked_again, sum(a.minutes)::float / 60 as hours
from asked a
where exists (
  select from link ol
  join source_record o on o.id = ol.source_record_id and o.partner <> a.partner
  join source_version ov on ov.source_record_id = o.id and jsonb_exists(ov.content, a.field) and ov.recorded_at < a.at
  where ol.person_id = a.person_id and ol.superseded_at is null
    and (ov.recorded_at >= a.at - make_interval(days => a.fresh_days) or exists (
      select from delivery_record y join delivery z on z.id = y.delivery_id
      where y.source_record_id = o.id and y.outcome in ('applied', 'unchanged')
        and z.arrived_at between a.at - make_interval(days => a.fresh_days) and a.at
    ))
)
group by a.month, a.partner
"""


def load_forms(folder: Path | None = None) -> dict[str, Form]:
    """Every form by partner.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(shown="hub/sharing/forms", read=Form.model_validate, named_by="partner", misfits=_misfits)
    return kind.load(folder or files("hub.sharing").joinpath("forms"))


def _misfits(form: Form) -> Iterator[str]:
    for question in form.questions:
        if question.field not in facts():
            yield f"questions.{question.field}: not a field of the common record; see docs/data-dictionary.md."


def meter(connection: Connection, forms: Mapping[str, Form], *, now: datetime) -> list[dict[str, Any]]:
    """Per month and partner: questions ``answered``, those still ``fresh``, those ``asked_again``; hours saved and lost.

    A question counts once per person and month. Hours are the form's own minutes.
    """
    questions = [
        {"partner": form.partner, **question.model_dump()} for form in forms.values() for question in form.questions
    ]
    asked = {"questions": orjson.dumps(questions).decode(), "now": now}
    empty: dict[str, Any] = {"answered": 0, "fresh": 0, "hours_saved": 0.0, "asked_again": 0, "hours_lost": 0.0}
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in connection.execute(text(ANSWERED), asked):
        lines.setdefault((row.month, row.partner), dict(empty)).update(
            answered=row.answered, fresh=row.fresh, hours_saved=round(row.hours, 2)
        )
    for row in connection.execute(text(ASKED_AGAIN), asked):
        lines.setdefault((row.month, row.partner), dict(empty)).update(
            asked_again=row.asked_again, hours_lost=round(row.hours, 2)
        )
    return [
        {"month": month, "partner": partner, "form": forms[partner].form, **line}
        for (month, partner), line in sorted(lines.items())
    ]
