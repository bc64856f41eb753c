"""The command line: ``hub`` does everything the DAGs do, with the same functions."""

from __future__ import annotations

import sys

from hub.monitoring.discretion import discreet
from hub.monitoring.logs import to_standard_error
from schemas.errors import FixTheDeclaration, HubError


def main() -> None:
    """Run the command line. Exits 0 when it did what it says, 1 when data need attention, 2 when called wrongly."""
    from hub.cli.commands import app

    to_standard_error()
    try:
        with discreet():
            app()
    except FixTheDeclaration as error:
        _say(error)
        sys.exit(2)
    except HubError as error:
        _say(error)
        sys.exit(1)


def _say(error: HubError) -> None:
    print(f"hub: {error}", file=sys.stderr)
