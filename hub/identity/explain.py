"""Why a person's records are linked, and why others are not, in plain French, read from what was stored when it was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hub.identity.model.levels import COMPARISONS
from hub.identity.model.relatives import RELATIVES
from hub.identity.model.rules import NEVER, ONLY_A_PERSON, SURE
from schemas.beneficiary import facts
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, Row

LINKS = """
select l.source_record_id as record, l.method, l.score, l.evidence, l.author, l.decided_at, r.flow
from link l join source_record r on r.id = l.source_record_id
where l.person_id = :person and l.superseded_at is null order by l.id
"""

# The pairs that stopped at this person: of the other record only its flow is read.
REFUSED = """
select o.flow, c.decision, c.chance, c.evidence
from link l
join comparison c on l.source_record_id in (c.record_a, c.record_b)
join source_record o on o.id = case when c.record_a = l.source_record_id then c.record_b else c.record_a end
join link x on x.source_record_id = o.id and x.superseded_at is null
where l.person_id = :person and l.superseded_at is null and x.person_id <> l.person_id and c.decision in ('link', 'review', 'never')
order by c.chance desc, o.flow
"""

HELD_APART = """
select d.author, d.decided_at, o.flow
from link l
join decision d on l.source_record_id in (d.record_a, d.record_b) and d.superseded_at is null and d.verdict = 'distinct'
join source_record o on o.id = case when d.record_a = l.source_record_id then d.record_b else d.record_a end
where l.person_id = :person and l.superseded_at is null order by d.id
"""

FORWARDED = """
with recursive chain(id, forwards_to) as (
  select id, forwards_to from person where id = :person
  union select p.id, p.forwards_to from chain c join person p on p.id = c.forwards_to
)
select id from chain where forwards_to is null
"""

METHODS = {
    "seul": "première fiche de cette personne, aucune autre ne la décrivait",
    "numero": "même numéro de sécurité sociale certifié, prénom et date de naissance concordants",
    "modele": "rapprochée par le calcul",
    "decision_humaine": "un agent l'a décidé",
}
REFUSALS = {
    "never": "jamais réunie sans qu'un agent le dise",
    "review": "laissée à l'avis d'un agent",
    "link": "semblable, mais une règle interdit de la réunir aux autres fiches de la personne",
}
OUTCOMES = {"link": "la fiche aurait été réunie", "review": "la question aurait été posée à un agent",
            "never": "la fiche n'aurait jamais été réunie", "apart": "la fiche serait restée à part"}  # fmt: skip
FIELDS = {comparison.name: comparison.french for comparison in COMPARISONS}
RULES = {rule.__name__: rule.__doc__ or "" for rule in (*NEVER, *SURE, *ONLY_A_PERSON, *RELATIVES)}
STRONG, SLIGHT = 5.0, 0.5
MARK = "  – "


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A paragraph for each record of a person, and one for each record that resembles it and belongs to somebody else."""

    together: list[str]
    apart: list[str]


def explain(connection: Connection, person: UUID) -> list[str]:
    """One paragraph a record and a refusal; raises ``FixTheDeclaration`` when nobody has that id."""
    found = explained(connection, person)
    return found.together + found.apart


def explained(connection: Connection, person: UUID) -> Explained:
    """What ``explain`` says, what is linked and what is not told apart."""
    now = connection.execute(text(FORWARDED), {"person": person}).scalar()
    if now is None:
        raise FixTheDeclaration(f"No person {person}.")
    if now != person:
        return Explained(together=[f"Cette personne a été réunie à une autre : voir {now}."], apart=[])
    known = {"person": person}
    together = [_linked(row) for row in connection.execute(text(LINKS), known)]
    apart = [_held_apart(row) for row in connection.execute(text(HELD_APART), known)]
    return Explained(
        together=together, apart=apart + [_refused(row) for row in connection.execute(text(REFUSED), known)]
    )


def in_words(evidence: Mapping[str, Any]) -> list[str]:
    """What was seen of a pair, a sentence a line, read from what was stored when it was decided."""
    if isinstance(evidence.get("champs"), list):  # two partners, both certified, that do not say the same
        return [
            f"Deux fiches certifiées ne disent pas la même chose : {facts()[path].label}."
            for path in evidence["champs"]
        ]
    head = [f"Chance d'être la même personne{_chance(evidence)}."] if "chance" in evidence else []
    lines = (line.removeprefix(MARK) for line in _details(evidence))
    return head + [f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in lines]


def _linked(row: Row[Any]) -> str:
    who = "" if row.author == "hub" else f", par {row.author}"
    head = f"{row.flow}, fiche {row.record} : {METHODS.get(row.method, row.method)}{who}, le {row.decided_at:%d/%m/%Y}"
    return "\n".join([f"{head}{_chance(row.evidence)}.", *_details(row.evidence)])


def _held_apart(row: Row[Any]) -> str:
    return f"{row.flow} : une fiche tenue à part pour toujours, décidé par {row.author}, le {row.decided_at:%d/%m/%Y}."


def _refused(row: Row[Any]) -> str:
    head = f"{row.flow} : une fiche ressemblante n'a pas été réunie, {REFUSALS[row.decision]}"
    return "\n".join([f"{head}{_chance(row.evidence)}.", *_details(row.evidence)])


def _chance(evidence: Mapping[str, Any]) -> str:
    if "chance" not in evidence:
        return ""
    shown = f"{min(max(100 * evidence['chance'], 0.1), 99.9):.1f}".replace(".", ",")
    return f" (modèle {evidence['modele']}, chance {shown} %)"


def _details(evidence: Mapping[str, Any]) -> list[str]:
    lines = [f"{MARK}{RULES[name]}" for name in evidence.get("regles", ()) if name in RULES]
    fields = evidence.get("champs", {})
    lines += [
        f"{MARK}{FIELDS[name]} : {said['niveau']}, {_weight(said['bits'])}"
        for name, said in fields.items()
        if not said["niveau"].startswith("absent")
    ]
    absent = [FIELDS[name] for name, said in fields.items() if said["niveau"].startswith("absent")]
    if absent:
        lines.append(f"{MARK}non comparable : {', '.join(absent)}")
    lines += [
        f"{MARK}aurait changé la décision : {FIELDS[other['champ']]} « {other['niveau']} », {OUTCOMES[other['issue']]}"
        for other in evidence.get("changerait", ())
    ]
    return lines


def _weight(bits: float) -> str:
    """What a field says, in words; bits are for whoever keeps the model."""
    if abs(bits) < SLIGHT:
        return "ne dit rien"
    side = "pour" if bits > 0 else "contre"
    return f"{'pèse fortement' if abs(bits) >= STRONG else 'pèse un peu'} {side} ({bits:+.1f})".replace(".", ",")
