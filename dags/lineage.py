"""How the hub's assets are called in OpenLineage; Airflow finds it as it finds any provider's."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.sdk import Asset

NAME = "dites-le-nous-une-fois"


def provider_info() -> dict[str, Any]:
    """What Airflow asks of a provider: our assets' scheme, and how they are told in lineage."""
    return {
        "package-name": NAME,
        "name": "Hub",
        "description": "Assets of the hub",
        "versions": [version(NAME)],
        "asset-uris": [
            {"schemes": ["hub"], "handler": None, "to_openlineage_converter": "dags.lineage.dataset_of"},
        ],
    }


def dataset_of(asset: Asset, lineage_context: Any) -> Dataset:  # noqa: ARG001 - Airflow's own signature
    """``hub://deliveries/caf_rsa`` is the dataset ``deliveries/caf_rsa`` of the namespace ``hub``."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    uri = urlsplit(asset.uri)
    return Dataset(namespace="hub", name=f"{uri.netloc}{uri.path}".rstrip("/"))
