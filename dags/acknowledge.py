"""One DAG for each partner that answers by file: read its acknowledgements as soon as they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, task

from dags.assets import answers, flows
from dags.policy import START, TASKS

if TYPE_CHECKING:
    from connectors.declaration import Flow


def acknowledge_dag(flow: Flow) -> DAG:
    """The DAG that reads one partner's acknowledgements."""
    with DAG(
        dag_id=f"acknowledge_{flow.partner}",
        description=f"Accusés de réception : {flow.partner}",
        doc_md=f"Lit les accusés de réception ligne par ligne ; `hub acknowledge {flow.partner}` fait de même.",
        schedule=[answers(flow)],
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=TASKS,
        tags=["accuser", flow.partner],
    ) as dag:

        @task
        def acknowledge(partner: str) -> dict[str, Any]:
            from hub.steps import acknowledge_step

            return acknowledge_step(partner)

        acknowledge(flow.partner)
    return dag


for declared in flows("out"):
    if declared.deliver is not None:
        globals()[f"acknowledge_{declared.partner}"] = acknowledge_dag(declared)
