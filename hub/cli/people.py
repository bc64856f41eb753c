"""``hub review``, ``person``: doubtful matches, who is who and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from hub.cli.output import Json, clock, print_json, print_table, say
from hub.cli.proof import REVIEWERS, Author, who_acts, who_decides

review = typer.Typer(help="Doubtful matches, for a person to decide.", no_args_is_help=True)
person = typer.Typer(help="Who is who, and why.", no_args_is_help=True)

Case = Annotated[int, typer.Argument(help="The case's id.")]


@review.command("list")
def list_cases(
    *,
    limit: Annotated[int, typer.Option(help="How many cases at most.")] = 50,
    owner: Annotated[str | None, typer.Option(help="Only those for the owner of a field: caf, pole_emploi…")] = None,
    json: Json = False,
) -> None:
    """List the cases that wait for a decision, those whose answer is worth most first.

    Worth: how little the model knows, what a wrong merge would harm, how many partners wait.
    """
    from hub.opening import open_hub
    from hub.people.reviews import open_cases

    cases = open_cases(open_hub(), limit=limit, owner=owner)
    if json:
        print_json({"cases": cases})
    elif cases:
        columns = ("id", "kind", "flow_a", "flow_b", "chance", "partners", "owner", "opinions", "priority", "opened_at")
        print_table("Review cases", columns, [[_shown(case[name]) for name in columns] for case in cases])
    else:
        say("No case waits for a decision.")


def _shown(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


@review.command("show")
def show_case(case: Case, *, json: Json = False) -> None:
    """Show what agrees and what does not, field by field, without values."""
    from hub.opening import open_hub
    from hub.people.reviews import show

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
    author: Author = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    json: Json = False,
) -> None:
    """Decide a case; the decision outlives every re-match.

    Where the model is sure of the contrary, a second person must say the same before it is decided, and each shows who they are.
    """
    from hub.opening import open_hub
    from hub.people.reviews import VERDICTS, decide, takes_two

    if verdict not in VERDICTS:
        raise typer.BadParameter(f"the verdict is one of {', '.join(VERDICTS)}")
    hub = open_hub()
    shown = who_decides if takes_two(hub, case, verdict) else who_acts
    me = shown(hub, author, roles=REVIEWERS)
    decided = decide(hub, case, verdict=verdict, author=me, reason=reason, now=clock())
    if json:
        print_json({"case": case, "verdict": verdict, "decided": decided})
    elif decided:
        say(f"Case {case}: {verdict}. Run hub reconcile to apply it.")
    else:
        say(f"Case {case}: the model is sure of the contrary. A second person must also say {verdict}.")


@person.command("explain")
def explain(number: Annotated[UUID, typer.Argument(help="The person's id in the hub.")], *, json: Json = False) -> None:
    """Say in plain French why the person's records are linked; of a hidden person, only that it is hidden."""
    from hub.dossiers.protections import HIDDEN, protections
    from hub.identity.explain import explain as read
    from hub.opening import open_hub

    with open_hub().engine.connect() as connection:
        hidden = not protections(connection, [number], now=clock()).get(number, set()).isdisjoint(HIDDEN)
        sentences = ["Dossier masqué."] if hidden else read(connection, number)
    if json:
        print_json({"person": str(number), "explanation": sentences})
    else:
        for sentence in sentences:
            say(sentence)


@person.command("unlink")
def unlink(
    number: Annotated[UUID, typer.Argument(help="The person's id in the hub.")],
    record: Annotated[int, typer.Argument(help="The record to take out, as hub person explain numbers it.")],
    *,
    author: Author = None,
    reason: Annotated[str, typer.Option(help="Why.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what it would do.")] = False,
    json: Json = False,
) -> None:
    """Take a record out of a person, for good: dossiers as if it had never been linked, and corrections to whoever was told.

    Prints the fields each partner was sent because of the link. Without ``--yes`` nothing moves.
    """
    from hub.opening import open_hub
    from hub.people.unlink import unlink as undo

    hub = open_hub()
    me = who_acts(hub, author, roles=REVIEWERS, tries=not yes)
    document = undo(hub, number, record, author=me, reason=reason, clock=clock, dry_run=not yes)
    if json:
        print_json(document | {"kept_by": {str(each): person for each, person in document["kept_by"].items()}})
        return
    rows = [(f"record {each}", str(person)) for each, person in document["kept_by"].items()]
    rows += [
        (f"sent to {partner}", ", ".join(paths)) for partner, paths in document["sent_because_of_the_link"].items()
    ]
    rows += [(f"corrections to {partner}", str(number)) for partner, number in document["messages"].items()]
    print_table(f"Record {record}: {'unlinked' if yes else 'what unlinking would do'}", ("what", "is"), rows)
    if not yes:
        say("Nothing was changed. Say --yes to unlink.")
