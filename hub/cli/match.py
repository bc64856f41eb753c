"""``hub match``: link files of people that stand alone, and judge links against a truth."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hub.cli.output import Json, print_json, print_table, say

EXISTING = {"exists": True, "dir_okay": False, "readable": True}
GIGABYTE = 1e9
SHARE_OF_MEMORY, MOST_MEMORY = 0.5, 10.0


class FilesOrCommand(TyperGroup):
    """``hub match FILE...`` is ``hub match files FILE...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["files", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=FilesOrCommand, help="Link stand-alone files: hub match FILE... --out LINKS.", no_args_is_help=True
)


@app.command("files")
def files(
    files: Annotated[list[Path], typer.Argument(**EXISTING, help="CSV or Parquet, one record a line.")],
    *,
    out: Annotated[Path, typer.Option(help="Where the links go: .csv or .parquet.")] = Path("links.csv"),
    within: Annotated[bool, typer.Option("--within", help="Duplicates inside one source too.")] = False,
    memory: Annotated[
        float | None, typer.Option(help="Gigabytes to stay under; half of the machine's by default.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads; one a core by default.")] = None,
    json: Json = False,
) -> None:
    """Link the records of files with the columns source, source_id, nir, birth_name, usage_name, first_names, birth_date,
    birth_place_insee, sex, address, postcode, city, phone, email. Any may be empty or absent but source_id; the file's name stands for source.

    LINKS says source_a, id_a, source_b, id_b, score and decision: linked, or review for a person to decide.
    """
    from hub.identity.match.links import write_links
    from hub.identity.match.run import Settings, match
    from hub.identity.matching import read_matching
    from hub.settings import load_settings

    chosen = load_settings()
    matching = read_matching(chosen.match_model)
    with tempfile.TemporaryDirectory(dir=out.parent) as spill:
        settings = Settings(
            memory=memory or _memory(), threads=threads or os.cpu_count() or 1, spill=Path(spill), within=within,
            engine=chosen.match_engine, spark_master=chosen.spark_master, costs=matching.costs,
        )  # fmt: skip
        matched = match(files, model=matching.model, settings=settings, say=_progress)
        write_links(matched.links, out)
    document = {**matched.to_dict(), "out": str(out)}
    if json:
        print_json(document)
    else:
        _print(document)


def _memory() -> float:
    """Half of the machine's memory, ten gigabytes at most."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
    return min(whole * SHARE_OF_MEMORY, MOST_MEMORY)


def _progress(text: str) -> None:
    print(f"hub match: {text}", file=sys.stderr)


def _print(document: dict[str, Any]) -> None:
    """The counts, then what the reader should know about the files."""
    names = ("records", "candidates", "persons", "linked", "review")
    print_table("Matched", ("what", "how many"), [(name, document[name]) for name in names])
    for file, columns in document["columns_ignored"].items():
        say(f"{file}: columns not read: {', '.join(columns)}")
    for file, columns in document["columns_absent"].items():
        say(f"{file}: columns absent, taken as unknown: {', '.join(columns)}")
    for source, number in document["identifiers_repeated"].items():
        say(f"{source}: {number:,} source_id stand on several records; a link names the source_id, not the record.")
    for rule, aside in document["blocks_set_aside"].items():
        say(
            f"Too many records alike under “{rule}”: {aside['blocks']:,} blocks, {aside['pairs']:,} pairs not compared."
        )
    if document["contacts_shared"]:
        shared = ", ".join(f"{name} {number:,}" for name, number in document["contacts_shared"].items())
        say(f"Values that too many records carry, taken as unknown: {shared}.")
    say(f"Links in {document['out']}.")


@app.command("evaluate")
def evaluate(
    links: Annotated[Path, typer.Argument(**EXISTING, help="What hub match wrote.")],
    truth: Annotated[
        Path, typer.Argument(**EXISTING, help="source, source_id, person; optionally family, kind, origin.")
    ],
    *,
    json: Json = False,
) -> None:
    """Precision, recall and F1 of what was linked, per pair of sources; false merges by kind of relatives; recall by origin."""
    from hub.identity.match.evaluation import evaluate as judge

    document = judge(links, truth)
    if json:
        print_json(document)
        return
    columns = (
        "source_a",
        "source_b",
        "true_pairs",
        "linked",
        "wrong",
        "precision",
        "recall",
        "f1",
        "review",
        "recall_after_review",
    )
    rows = [*document["pairs"], {**document["all"], "source_a": "all"}]
    print_table("Links against the truth", columns, [[row[name] for name in columns] for row in rows])
    print_table("False merges by kind", ("kind", "pairs"), list(document["false_merges_by_kind"].items()))
    print_table("Recall by origin", ("origin", "recall"), list(document["recall_by_origin"].items()))
