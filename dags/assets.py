"""The assets that tie the DAGs: what arrived, what was applied, whose dossier changed, who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetWatcher

from connectors.declaration import load_flows
from dags.triggers import ArrivalTrigger

if TYPE_CHECKING:
    from connectors.declaration import Flow

DOSSIERS = Asset(name="dossiers", uri="hub://dossiers")


def arrivals(flow: Flow) -> Asset:
    """Files a partner left for a flow; a watcher in the triggerer notices them."""
    watcher = AssetWatcher(name=f"watch_{flow.flow}", trigger=ArrivalTrigger(flow=flow.flow))
    return Asset(name=f"arrivals_{flow.flow}", uri=f"hub://arrivals/{flow.flow}", watchers=[watcher])


def answers(flow: Flow) -> Asset:
    """Acknowledgements a partner left for what it was sent."""
    watcher = AssetWatcher(name=f"watch_answers_{flow.flow}", trigger=ArrivalTrigger(flow=flow.flow, answers=True))
    return Asset(name=f"answers_{flow.flow}", uri=f"hub://answers/{flow.flow}", watchers=[watcher])


def deliveries(flow: Flow) -> Asset:
    """Deliveries of a flow that changed something."""
    return Asset(name=f"deliveries_{flow.flow}", uri=f"hub://deliveries/{flow.flow}")


def messages(flow: Flow) -> Asset:
    """What a partner is sent."""
    return Asset(name=f"messages_{flow.partner}", uri=f"hub://messages/{flow.partner}")


def flows(direction: str) -> list[Flow]:
    """The declared flows of a direction: YAML only, nothing else is read at parse time."""
    return [flow for flow in load_flows().values() if flow.direction == direction]
