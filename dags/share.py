"""One DAG for each partner we share with: deliver its outbox when dossiers changed, and regularly for what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, task
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable

from dags.assets import DOSSIERS, flows, messages
from dags.policy import START, TASKS

if TYPE_CHECKING:
    from connectors.declaration import Flow


def share_dag(flow: Flow) -> DAG:
    """The DAG that delivers to one partner."""
    when = (
        "30 4 * * *" if flow.deliver is not None else "*/10 * * * *"
    )  # what is called is tried again, files go at night
    regularly = CronTriggerTimetable(when, timezone="Europe/Paris", run_immediately=False)
    with DAG(
        dag_id=f"share_{flow.partner}",
        description=flow.label,
        doc_md=f"{flow.label}. Remet les messages en attente ; `hub share {flow.partner}` fait de même.",
        schedule=AssetOrTimeSchedule(timetable=regularly, assets=[DOSSIERS]),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=TASKS,
        tags=["partager", flow.partner],
    ) as dag:

        @task(inlets=[DOSSIERS], outlets=[messages(flow)])
        def share(partner: str) -> dict[str, Any]:
            from hub.steps import share_step

            return share_step(partner)

        share(flow.partner)
    return dag


for declared in flows("out"):
    globals()[f"share_{declared.partner}"] = share_dag(declared)
