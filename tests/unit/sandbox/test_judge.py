"""The judge of leaks: a value of somebody else counts for as long as it is believed."""

from __future__ import annotations

from hub.sandbox.judge import judge
from hub.sandbox.population import Population

ADULT = Population(seed=1, size=1).adults[0]


def judged(street):
    return judge("departement_08", {"D-1": [ADULT]}, {"D-1": {"contact.address_street": street}})


def test_a_street_of_somebody_else_counts_until_it_is_taken_back():
    assert judged("3 rue d'Ailleurs")["values_of_somebody_else"] == 1
    assert judged(" ".join(ADULT.address))["values_of_somebody_else"] == 0
    assert judged(None)["values_of_somebody_else"] == 0
