"""Where a person could be seen without being meant to: tables, files and their names, the server's log, processes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sqlalchemy import text

from schemas.tables import metadata

SHOWN = {"BLOB": "encode({}, 'escape')", "DOUBLE": "round({}::numeric, 3)::text"}


def cells_of(hub):
    """Every column of every table of the hub, as text; bytes as the letters they hold.

    Of what is computed three decimals are shown: fifteen may spell anybody's number.
    """
    with hub.engine.connect() as connection:
        for table in metadata.sorted_tables:
            for column in table.columns:
                shown = SHOWN.get(str(column.type), "{}::text").format(f'"{column.name}"')
                cells = connection.execute(
                    text(f'select {shown} from "{table.name}" where "{column.name}" is not null')
                )
                yield f"{table.name}.{column.name}", "\n".join(cells.scalars())


def files_of_the_hub(hub, folder):
    """The names of the files the hub makes, here and at its partners', and what is in those it keeps in clear."""
    for path in (*hub.settings.home.rglob("*"), *(folder / "docs").rglob("*")):
        yield str(path.relative_to(folder))
        if path.is_file():
            yield path.read_bytes().decode("latin-1")
    for name in ("retour", "rejets"):
        yield from (path.name for path in (folder / "partners").glob(f"*/{name}/*"))


def servers_log(postgres):
    """What the database server wrote beside its tables."""
    folder = Path(postgres.query["host"])
    logs = [*folder.rglob("log"), *folder.rglob("*.log")]
    assert logs
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs if path.is_file())


def processes_below(parent):
    """The command lines and environments of a process's descendants, as anybody on the machine may list them."""
    shown, parents = [], [parent]
    while parents:
        for task in Path(f"/proc/{parents.pop()}/task").glob("*/children"):
            for child in task.read_text(encoding="ascii").split():
                parents.append(child)
                for name in ("cmdline", "environ"):
                    with suppress(OSError):  # it has ended since
                        shown.append(Path(f"/proc/{child}/{name}").read_bytes().decode("latin-1"))
    return "\n".join(shown)
