"""Retain: each night count whom the clocks have run out for, then archive and destroy them."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task
from airflow.timetables.trigger import CronTriggerTimetable

from dags.policy import START, TASKS

with DAG(
    dag_id="retain",
    description="Durées de conservation : compte d'abord, archive et détruit ensuite",
    doc_md=(
        "`count` dit ce que les durées de `hub/rights/retention.yml` atteignent, et qui est gardé pour un litige ; `retain` archive et "
        "détruit, sauf si c'est plus que `HUB_RETENTION_LIMIT` : une alarme attend alors quelqu'un. `hub retention` fait de même."
    ),
    schedule=CronTriggerTimetable("15 3 * * *", timezone="Europe/Paris", run_immediately=False),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["conserver"],
) as dag:

    @task
    def count() -> dict[str, Any]:
        from hub.steps import retention_step

        return retention_step(dry_run=True)

    @task
    def retain() -> dict[str, Any]:
        from hub.steps import retention_step

        return retention_step(dry_run=False)

    count() >> retain()
