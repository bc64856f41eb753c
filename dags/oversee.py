"""Oversee: every quarter of an hour look at what is missing or waits too long, and tell it; each night verify the journal."""

from __future__ import annotations

from airflow.sdk import DAG, task
from airflow.timetables.trigger import CronTriggerTimetable

from dags.policy import START, TASKS

with DAG(
    dag_id="oversee",
    description="Ce qui manque, ce qui attend trop longtemps, ce qui est venu depuis",
    doc_md=(
        "Compare ce qui est arrivé à ce qui était attendu, lève et ferme les alarmes, et dit les nouvelles par courriel "
        "et par webhook ; `hub alarms list` montre les mêmes."
    ),
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

    @task
    def tell() -> int:
        from dags.notify import send
        from hub.steps import told_step, untold_step

        digest = untold_step()
        if digest is None:
            return 0
        send(digest)
        numbers = [each["id"] for each in digest["alarms"]]
        told_step(numbers)
        return len(numbers)

    look() >> tell()

with DAG(
    dag_id="verify_journal",
    description="Recalcule la chaîne du journal des communications",
    doc_md="`hub journal verify` fait de même. Une chaîne rompue lève l'alerte `journal_rompu`.",
    schedule=CronTriggerTimetable("30 4 * * *", timezone="Europe/Paris", run_immediately=False),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["surveiller"],
) as journal:

    @task
    def verify() -> dict[str, int]:
        from hub.steps import journal_step

        return journal_step()

    verify()
