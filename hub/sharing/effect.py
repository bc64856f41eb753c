"""Effect: what a change of agreement means for people, counted on the store before it holds. Counts only, nobody's data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.sharing.territory import FRANCE, LIVES_IN, common
from hub.sharing.widening import gained, lost, wider
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.sharing.agreements import Agreement

# Of the people the partner follows, those of whom somebody else says one of these fields, in other words than its own.
VISIBLE = f"""
with followed as (
  select l.person_id, array_agg(l.source_record_id) as records, jsonb_agg(v.content) as own
  from link l
  join source_record r on r.id = l.source_record_id and r.left_on is null
  join source_version v on v.source_record_id = r.id and v.version = r.version
  where l.superseded_at is null and r.partner = :partner
  group by l.person_id
), protected as (
  select distinct l.person_id from protection p
  join protection_record c on c.protection_id = p.id
  join link l on l.source_record_id = c.source_record_id and l.superseded_at is null
  where p.closed_at is null and p.kind = 'threat'
), visible as (
  select f.person_id, g.path, p.person_id is not null as protected
  from followed f
  join dossier d on d.person_id = f.person_id
  cross join unnest(cast(:paths as text[])) as g (path)
  left join protected p on p.person_id = f.person_id
  cross join lateral (select {LIVES_IN} as code) h
  where d.content -> g.path ->> 'partner' <> :partner
    and (cast(:inside as text[]) is null or h.code is null or h.code = any(:inside))
    and (cast(:outside as text[]) is null or not (h.code is null or h.code = any(:outside)))
    and not exists (
      select from jsonb_array_elements(f.own) o where o -> g.path = d.content -> g.path -> 'value'
    )
)
select path, count(distinct person_id) as people, count(distinct person_id) filter (where protected) as protected
from visible group by grouping sets ((path), ())
"""  # noqa: S608 - an expression of our own

TOLD = """
select path, count(distinct person_id) as people, 0 as protected
from told cross join unnest(cast(:paths as text[])) as g (path)
where partner = :partner and jsonb_exists(content, path) and content -> path <> 'null'::jsonb
group by grouping sets ((path), ())
"""

RESPECTS = {
    "agreement": "convention nouvelle",
    "fields": "champs ajoutés",
    "partner": "autre partenaire",
    "purpose": "autre finalité",
    "perimeter": "autre périmètre",
    "territory": "territoire étendu",
    "out_flow": "autre voie d'envoi",
    "valid_from": "commence plus tôt",
    "valid_until": "finit plus tard",
    "retention_months": "conservée plus longtemps",
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many people a set of fields concerns: in all, under protection, and field by field."""

    people: int
    protected: int
    by_field: dict[str, int]


NOBODY = Share(people=0, protected=0, by_field={})
ELSEWHERE = " hors du territoire jusqu'ici"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The person-level effect of a change; ``wider`` says in which respects a second person must approve it.

    ``newly_covered`` is what becomes visible of people who live outside the territory there was.
    """

    partner: str
    wider: list[str]
    newly_visible: Share
    newly_covered: Share
    no_longer_visible: Share
    sentences: list[str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def effect(connection: Connection, old: Agreement | None, new: Agreement, *, today: date) -> Effect:
    """Count what the change shows and hides; raises ``FixTheDeclaration`` when the two are not of one partner."""
    if old is not None and old.partner != new.partner:
        raise FixTheDeclaration(f"These are agreements of two partners: {old.partner} and {new.partner}.")
    before = old if old is not None and old.in_force(today) else None
    after = new.all_fields if new.in_force(today) else ()
    more = [path for path in gained(before, new) if path in after]
    less = [path for path in (before.all_fields if before else ()) if path not in after]
    shown = _count(connection, VISIBLE, new.partner, more, inside=_places(new.territory))
    covered = _covered(connection, before, new) if after else NOBODY
    hidden = _count(connection, TOLD, new.partner, less)
    respects = wider(old, new)
    said = [*_seen(new.partner, shown), *_seen(new.partner, covered, ELSEWHERE)]
    return Effect(
        partner=new.partner,
        wider=respects,
        newly_visible=shown,
        newly_covered=covered,
        no_longer_visible=hidden,
        sentences=_sentences(new.partner, respects, said, hidden=hidden, taken=lost(old, new) if old else []),
    )


def _covered(connection: Connection, old: Agreement | None, new: Agreement) -> Share:
    """What both agreements give, of people who live where only the new one holds."""
    if old is None or set(common(new.territory, old.territory)) == set(new.territory):
        return NOBODY
    both = [path for path in new.all_fields if path in old.all_fields]
    inside, outside = _places(new.territory), _places(old.territory)
    return _count(connection, VISIBLE, new.partner, both, inside=inside, outside=outside)


def _places(territory: Sequence[str]) -> list[str] | None:
    return None if FRANCE in territory else list(territory)


def _count(
    connection: Connection, statement: str, partner: str, paths: Sequence[str], *, inside: list[str] | None = None,
    outside: list[str] | None = None,
) -> Share:  # fmt: skip
    """People by field: with ``inside``, those who live there; with ``outside``, those who do not live there."""
    if not paths:
        return NOBODY
    asked = {"partner": partner, "paths": list(paths), "inside": inside, "outside": outside}
    rows = connection.execute(text(statement), asked).all()
    total = next(row for row in rows if row.path is None)
    found = {row.path: row.people for row in rows if row.path is not None}
    return Share(people=total.people, protected=total.protected, by_field={path: found.get(path, 0) for path in paths})


def _seen(partner: str, shown: Share, where: str = "") -> list[str]:
    if not shown.by_field:
        return []
    fields = sum(people > 0 for people in shown.by_field.values())
    said = (
        f"{shown.people} personne{_s(shown.people)}{where} × {fields} champ{_s(fields)} nouvellement "
        f"visible{_s(fields)} {of_partner(partner)}, dont {shown.protected} sous protection."
    )
    return [said, *(f"  {facts()[path].label} ({path}) : {people}" for path, people in shown.by_field.items())]


def _sentences(partner: str, respects: list[str], said: list[str], *, hidden: Share, taken: list[str]) -> list[str]:
    if hidden.by_field:
        said.append(
            f"{hidden.people} personne{_s(hidden.people)} dont {of_partner(partner, subject=True)} ne recevra plus "
            f"{len(hidden.by_field)} champ{_s(len(hidden.by_field))} ; ce qui a été dit n'est pas repris."
        )
        said += [f"  {facts()[path].label} ({path}) : {people}" for path, people in hidden.by_field.items()]
    if not said:
        said.append("Aucun effet aujourd'hui sur ce que le partenaire voit de quiconque.")
    if respects:
        reasons = ", ".join(RESPECTS[each] for each in respects)
        said.append(f"Élargissement ({reasons}) : une seconde personne doit l'approuver.")
    elif taken:
        said.append("Restriction : elle vaut dès qu'elle est installée.")
    return said


def _s(number: int) -> str:
    return "" if abs(number) < 2 else "s"


def of_partner(partner: str, *, subject: bool = False) -> str:
    """« du département 08 », or « le département 08 » as a subject."""
    kind, _, code = partner.partition("_")
    known = {"caf": ("de la CAF/MSA", "la CAF/MSA"), "pole_emploi": ("de Pôle emploi", "Pôle emploi")}
    if kind == "departement":
        known[partner] = (f"du département {code}", f"le département {code}")
    return known.get(partner, (f"de {partner}", partner))[subject]
