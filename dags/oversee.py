"""Oversee: look at the calendar every quarter of an hour, raise what is missing, close what has come since."""

from __future__ import annotations

from airflow.sdk import DAG, task
from airflow.timetables.trigger import CronTriggerTimetable

from dags.policy import START, TASKS

with DAG(
    dag_id="oversee",
    description="Calendrier des livraisons : ce qui manque, ce qui est venu depuis",
    doc_md="Compare ce qui est arrivé à ce qui était attendu et lève les alarmes ; `hub alarms list` fait de même.",
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="Europe/Paris", run_immediately=False),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["surveiller"],
) as dag:

    @task
    def look() -> dict[str, int]:
        from hub.steps import oversee_step

        return oversee_step()

    look()
