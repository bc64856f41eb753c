"""What is news to a partner: its own words and what it knows are not, a correction and a withdrawal are."""

from __future__ import annotations

from datetime import date

import pytest

from hub.sharing.agreements import Agreement
from hub.sharing.news import Known, news, not_yet_told

AGREEMENT = Agreement(
    partner="departement_08", purpose="Coordonner", legal_basis=("CASF L.263-4-1",),
    fields=("contact.email", "contact.postcode", "contact.address_street", "rsa.state", "rsa.suspensions", "job_seeker.category"),
    perimeter="followed", territory=("08",), valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31), frequency="daily",
    retention_months=24, contact="dpo@exemple.fr", out_flow="departement_08_retour",
)  # fmt: skip
SUSPENDED = [{"kind": "payment", "reason": "01", "since": "2026-03-01"}]


def known(*, caf=None, own=None, told=None):
    """The CAF's words make the dossier, but where the partner speaks alone."""
    dossier = {path: {"value": value, "partner": "departement_08"} for path, value in (own or {}).items()}
    dossier |= {path: {"value": value, "partner": "caf"} for path, value in (caf or {}).items()}
    return Known(dossier=dossier, own=[own or {}], told=told or {})


@pytest.mark.parametrize(
    ("caf", "own", "told", "expected"),
    [
        pytest.param({"rsa.state": "2"}, {}, {}, {"rsa.state": "2"}, id="never told: news"),
        pytest.param({"rsa.state": "2"}, {}, {"rsa.state": "2"}, {}, id="told already: not news"),
        pytest.param({"rsa.state": "5"}, {}, {"rsa.state": "2"}, {"rsa.state": "5"}, id="told otherwise: news"),
        pytest.param({"contact.email": "a@x.fr"}, {"contact.email": "a@x.fr"}, {}, {}, id="its own word in another mouth"),
        pytest.param({}, {"contact.email": "a@x.fr"}, {}, {}, id="its own word"),
        pytest.param({"identity.birth_name": "VÉRITÉ"}, {}, {}, {}, id="no agreement names it"),
        pytest.param(
            {"contact.email": "a@x.fr"}, {"contact.email": "a@x.fr"}, {"contact.email": "b@x.fr"},
            {"contact.email": "a@x.fr"}, id="its own word again, after it was told otherwise: a correction",
        ),
        pytest.param(
            {"contact.postcode": "08000", "contact.address_street": "2 rue Haute"}, {"contact.postcode": "08000"}, {},
            {"contact.postcode": "08000", "contact.address_street": "2 rue Haute"}, id="a group goes whole",
        ),
        pytest.param(
            {"rsa.state": "2"}, {}, {"rsa.state": "4", "rsa.suspensions": SUSPENDED},
            {"rsa.state": "2", "rsa.suspensions": None}, id="a lifted suspension",
        ),
        pytest.param(
            {"rsa.state": "2"}, {}, {"rsa.state": "2", "rsa.suspensions": None}, {}, id="a suspension told to be lifted",
        ),
        pytest.param({}, {}, {"contact.email": "a@x.fr"}, {}, id="silence does not erase"),
        pytest.param({}, {}, {"rsa.suspensions": SUSPENDED}, {}, id="a silent partner withdraws nothing"),
    ],
)  # fmt: skip
def test_only_what_the_partner_does_not_know_is_news(caf, own, told, expected):
    told_now = news(AGREEMENT, known(caf=caf, own=own, told=told))

    assert told_now == expected


def test_a_full_picture_tells_again_what_is_known_but_never_the_partners_own_words():
    situation = known(
        caf={"rsa.state": "2", "contact.email": "a@x.fr"},
        own={"contact.email": "a@x.fr", "job_seeker.category": "1"},
        told={"rsa.state": "2"},
    )

    assert news(AGREEMENT, situation, whole=True) == {"rsa.state": "2"}


def test_what_never_left_is_taken_back_newest_first():
    told = {"rsa.state": "5", "contact.email": "c@x.fr", "job_seeker.category": "1"}
    newest = {"fields": {"rsa.state": "5"}, "before": {"rsa.state": "4"}}
    oldest = {"fields": {"rsa.state": "4", "contact.email": "c@x.fr"}, "before": {"rsa.state": "2"}}

    really = not_yet_told(told, [newest, oldest])

    assert really == {"rsa.state": "2", "job_seeker.category": "1"}
