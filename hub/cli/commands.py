"""The commands, gathered; each group lives in its own module."""

from __future__ import annotations

import typer

from hub.cli import (
    agreements,
    backup,
    deliveries,
    flows,
    journal,
    keys,
    look,
    match,
    meter,
    outbox,
    people,
    quarantine,
    retention,
    rights,
    run,
    schema,
    serve,
    sync_file,
    users,
)

app = typer.Typer(
    help="Receive, normalise, check, reconcile and share what partners know, so that nobody is asked twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would show personal data
    add_completion=False,
)

app.command("receive")(run.receive)
app.command("reconcile")(run.reconcile)
app.command("share")(run.share)
app.command("acknowledge")(run.acknowledge)
app.command("status")(look.status)
app.command("ledger")(look.ledger)
app.command("meter")(meter.meter)
app.command("retention")(retention.retention)
app.command("demo")(serve.demo)
app.command("up")(serve.up)
app.command("watch")(serve.watch)
app.command("screens")(serve.screens)
app.add_typer(flows.app, name="flows")
app.add_typer(deliveries.app, name="delivery")
app.add_typer(deliveries.alarms, name="alarms")
app.add_typer(outbox.app, name="outbox")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(people.review, name="review")
app.add_typer(people.person, name="person")
app.add_typer(rights.recall, name="recall")
app.add_typer(agreements.app, name="agreements")
app.add_typer(journal.app, name="journal")
app.add_typer(keys.app, name="keys")
app.add_typer(backup.app, name="backup")
app.add_typer(users.app, name="users")
app.add_typer(match.app, name="match")
app.add_typer(schema.app, name="schema")
app.add_typer(sync_file.app, name="sync-file")
app.add_typer(serve.sandbox, name="sandbox")
