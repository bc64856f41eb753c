"""Our generic package names belong to us alone, and the folders say what the design says."""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest

OURS = ("connectors", "dags", "hub", "mappings", "quality", "schemas")


@pytest.mark.parametrize("package", OURS)
def test_no_other_distribution_owns_our_package_names(package):
    owners = set(packages_distributions().get(package, ()))

    assert owners <= {"dites-le-nous-une-fois"}
