"""One DAG for each incoming flow: receive what arrived, then normalise, check and apply it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.timetables.assets import AssetOrTimeSchedule
from airflow.timetables.trigger import CronTriggerTimetable

from dags.assets import DOSSIERS, arrivals, deliveries, flows
from dags.policy import START, TASKS

if TYPE_CHECKING:
    from connectors.declaration import Flow


def receive_dag(flow: Flow) -> DAG:
    """The DAG of a flow: woken by an arrival, or, for an API, by dossiers that changed and every hour."""
    schedule: Any = [arrivals(flow)]
    if flow.protocol == "api":
        schedule = AssetOrTimeSchedule(
            timetable=CronTriggerTimetable("7 * * * *", timezone="Europe/Paris", run_immediately=False),
            assets=[DOSSIERS],
        )
    with DAG(
        dag_id=f"receive_{flow.flow}",
        description=flow.label,
        doc_md=f"{flow.label}. Reçoit, normalise, contrôle et applique chaque livraison ; `hub receive {flow.flow}` fait de même.",
        schedule=schedule,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=TASKS,
        tags=["recevoir", flow.partner],
    ) as dag:

        @task(inlets=[arrivals(flow)])
        def receive(name: str) -> list[int]:
            from hub.steps import receive_step

            taken = receive_step(name)
            if not taken:
                raise AirflowSkipException("nothing new")
            return taken

        @task(outlets=[deliveries(flow)])
        def normalise_check_apply(taken: list[int]) -> dict[str, Any]:
            from hub.steps import settle_step

            settled = settle_step(taken)
            if not settled["changed"]:
                raise AirflowSkipException("nothing changed")
            return settled

        normalise_check_apply(receive(flow.flow))
    return dag


for declared in flows("in"):
    globals()[f"receive_{declared.flow}"] = receive_dag(declared)
