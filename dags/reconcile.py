"""Reconcile whenever a delivery changed something: link, rebuild dossiers, fill the outbox."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, AssetAny, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import DOSSIERS, deliveries, flows
from dags.policy import START, TASKS

with DAG(
    dag_id="reconcile",
    description="Rapprochement des identités, dossiers, messages à partager",
    doc_md="Relie les fiches aux personnes, reconstruit les dossiers touchés, prépare les messages ; `hub reconcile` fait de même.",
    schedule=AssetAny(*(deliveries(flow) for flow in flows("in"))),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["rapprocher"],
) as dag:

    @task(inlets=[deliveries(flow) for flow in flows("in")], outlets=[DOSSIERS])
    def reconcile() -> dict[str, Any]:
        from hub.steps import reconcile_step

        reconciled = reconcile_step()
        if not reconciled["persons_touched"]:
            raise AirflowSkipException("nobody is touched")
        return reconciled

    reconcile()
