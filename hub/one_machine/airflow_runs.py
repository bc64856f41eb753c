"""What Airflow is doing, read from its own tables: ready or not, at work or not, what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine

READY = """
select (select count(*) from dag where not is_stale) as dags,
       (select count(distinct job_type) from job where state = 'running' and latest_heartbeat > now() - interval '30 seconds') as jobs,
       (select count(*) from trigger where triggerer_id is not null) as watchers
"""

RUNS = """
select (select count(*) from dag_run where state = 'success') as finished,
       (select count(*) from dag_run where state = 'failed') as failed,
       (select count(*) from dag_run where state in ('queued', 'running')) + (select count(*) from asset_dag_run_queue) as active
"""

FAILED = "select distinct dag_id from dag_run where state = 'failed' order by 1"


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """DAGs parsed, kinds of components that beat, watchers in place."""

    dags: int
    jobs: int
    watchers: int


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Runs finished well, failed, and not finished yet (or about to start)."""

    finished: int
    failed: int
    active: int


def readiness(engine: Engine) -> Readiness:
    """How far Airflow has come since it was started."""
    with engine.connect() as connection:
        return Readiness(**connection.execute(text(READY)).one()._mapping)  # noqa: SLF001 - public name


def runs(engine: Engine) -> RunState:
    """What the DAGs are doing."""
    with engine.connect() as connection:
        return RunState(**connection.execute(text(RUNS)).one()._mapping)  # noqa: SLF001 - public name


def failed_dags(engine: Engine) -> list[str]:
    """The DAGs that have a failed run."""
    with engine.connect() as connection:
        return list(connection.execute(text(FAILED)).scalars())
