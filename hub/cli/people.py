"""``hub review``, ``person``: doubtful matches, who is who and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from hub.cli.output import Json, clock, print_json, print_table, say

review = typer.Typer(help="Doubtful matches, for a person to decide.", no_args_is_help=True)
person = typer.Typer(help="Who is who, and why.", no_args_is_help=True)

Case = Annotated[int, typer.Argument(help="The case's id.")]


@review.command("list")
def list_cases(*, limit: Annotated[int, typer.Option(help="How many cases at most.")] = 50, json: Json = False) -> None:
    """List the cases that wait for a decision."""
    from hub.opening import open_hub
    from hub.reviews import open_cases

    cases = open_cases(open_hub(), limit=limit)
    if json:
        print_json({"cases": cases})
    elif cases:
        columns = ("id", "kind", "flow_a", "flow_b", "opened_at")
        print_table("Review cases", columns, [[str(case[name]) for name in columns] for case in cases])
    else:
        say("No case waits for a decision.")


@review.command("show")
def show_case(case: Case, *, json: Json = False) -> None:
    """Show what agrees and what does not, field by field, without values."""
    from hub.opening import open_hub
    from hub.reviews import show

    document = show(open_hub(), case)
    if json:
        print_json(document)
    else:
        print_table(f"Case {case}", ("what", "is"), [(key, str(value)) for key, value in document.items()])


@review.command("decide")
def decide_case(
    case: Case,
    verdict: Annotated[str, typer.Argument(help="same, distinct or unsure")],
    *,
    author: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    json: Json = False,
) -> None:
    """Decide a case; the decision outlives every re-match."""
    from hub.opening import open_hub
    from hub.reviews import VERDICTS, decide

    if verdict not in VERDICTS:
        raise typer.BadParameter(f"the verdict is one of {', '.join(VERDICTS)}")
    decide(open_hub(), case, verdict=verdict, author=author, reason=reason, now=clock())
    if json:
        print_json({"case": case, "verdict": verdict})
    else:
        say(f"Case {case}: {verdict}. Run hub reconcile to apply it.")


@person.command("explain")
def explain(number: Annotated[UUID, typer.Argument(help="The person's id in the hub.")], *, json: Json = False) -> None:
    """Say in plain French why the person's records are linked; of a hidden person, only that it is hidden."""
    from hub.identity.explain import explain as read
    from hub.opening import open_hub
    from hub.protections import HIDDEN, protections

    with open_hub().engine.connect() as connection:
        hidden = not protections(connection, [number], now=clock()).get(number, set()).isdisjoint(HIDDEN)
        sentences = ["Dossier masqué."] if hidden else read(connection, number)
    if json:
        print_json({"person": str(number), "explanation": sentences})
    else:
        for sentence in sentences:
            say(sentence)
