"""The judge: from the partners' side, whether anybody learnt a field or a person it should not have, or an untruth."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from hub.sandbox.dirt import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.sandbox.population import Adult

# The questions each partner's form asks: those it need not ask any more are the point of it all.
QUESTIONS = {
    "caf": ("orientation.pathway", "orientation.decided_on", "contract.state", "job_seeker.status"),
    "departement_08": ("identifiers.france_travail_number", "job_seeker.status", "rsa.state", "rsa.claim_date", "contact.phones", "contact.email"),
    "departement_52": ("identifiers.france_travail_number", "job_seeker.status", "rsa.state", "rsa.claim_date", "contact.phones", "contact.email"),
    "pole_emploi": ("orientation.pathway", "orientation.decided_on", "appointment.starts_at"),
}  # fmt: skip


@cache
def allowed(partner: str) -> frozenset[str]:
    """The fields a partner may learn, by the sandbox's own list."""
    lists = yaml.safe_load(files("hub.sandbox").joinpath("allowed.yml").read_text(encoding="utf-8"))
    return frozenset(lists[partner])


def truth(adult: Adult) -> dict[str, set[str]]:
    """What may truly be said of a person: a value told of somebody else shows here."""
    return {
        "identifiers.france_travail_number": {adult.ft_number} if adult.in_ft else set(),
        "job_seeker.status": {adult.ft_status},
        "job_seeker.registered_on": {adult.ft_since.isoformat()},
        "rsa.claim_date": {adult.claim_date.isoformat()},
        "rsa.state": {adult.rsa_state},
        "contact.postcode": {adult.commune[2]},
        "contact.address_street": {" ".join(adult.address), plain(" ".join(adult.address))},
        "contact.email": {adult.email},
        "contact.phones": {str([adult.phone])},
        "orientation.pathway": {adult.pathway},
        "orientation.decided_on": {adult.decided_on.isoformat()},
        "contract.starts_on": {adult.contract_start.isoformat()} if adult.contract_start else set(),
    }


def ever_true(adults: Sequence[Adult]) -> dict[str, set[str]]:
    """What was true of a person on any day so far: an old truth is stale, not somebody else's."""
    known: dict[str, set[str]] = {}
    for adult in adults:
        for path, values in truth(adult).items():
            known.setdefault(path, set()).update(values)
    return known


def judge(partner: str, own: Mapping[str, Sequence[Adult]], learnt: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Count leaks and untruths in what a partner learnt, and the questions it need not ask any more.

    ``own`` is the people the partner follows, each as they have been since the first day.
    """
    found = {
        "people": len(learnt),
        "fields": 0,
        "fields_not_allowed": 0,
        "people_not_followed": 0,
        "values_of_somebody_else": 0,
    }
    answered = 0
    for person, fields in learnt.items():
        adults = own.get(person)
        if not adults:
            found["people_not_followed"] += 1
            continue
        found["fields"] += len(fields)
        found["fields_not_allowed"] += len(fields.keys() - allowed(partner))
        known = ever_true(adults)
        found["values_of_somebody_else"] += sum(
            str(value) not in known[path]
            for path, value in fields.items()
            if value is not None and known.get(path)  # what was taken back is nobody's
        )
        answered += sum(question in fields for question in QUESTIONS[partner])
    return found | {"questions_not_asked_again": answered}
