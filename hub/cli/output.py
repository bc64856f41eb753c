"""What a command prints: one JSON document with ``--json``, else tables for a person; progress goes to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.intake.pipeline import Progress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

NEEDS_ATTENTION = 1
WIDE = 120  # characters a table may take where no terminal says its width
SHORT = 12  # what is no longer than that stays on one line: numbers, dates, states


def clock() -> datetime:
    """The time, read where the program meets the world."""
    return datetime.now(tz=UTC)  # noqa: TID251 - the one clock of the command line


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table a person can read; numbers on the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        short = all(len(_cell(row[index])) <= SHORT for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=short or index == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, WIDE))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)


def say(text: str) -> None:
    """Print a line for a person."""
    print(text)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Show what a long step is doing, on standard error."""
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    from hub.intake.pipeline import Progress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} records"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield Progress(
            delivery=lambda name: bar.update(task, description=f"{label}, delivery {name}", completed=0),
            records=lambda number: bar.update(task, completed=number),
        )
