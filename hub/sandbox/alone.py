"""The sandbox by itself: its connections written where the hub looks for them, its partners at work."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

import orjson

from hub.sandbox.france_travail import FtFaults
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.sandbox.sandbox import Sandbox
    from hub.settings import Settings


@contextmanager
def alone(settings: Settings, partners: Sandbox) -> Iterator[Sandbox]:
    """Start the sandbox and write one ``<connection>.json`` each (mode 0600); the partners load what they are left."""
    with partners, partners.serving():
        write_connections(settings.secrets, partners)
        yield partners


def write_connections(folder: Path, partners: Sandbox) -> None:
    """Write how to reach each partner, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, connection in partners.connections().items():
        path = folder / f"{name}.json"
        path.touch(mode=0o600)
        path.write_bytes(orjson.dumps(connection))


def read_faults(script: str | None) -> FtFaults:
    """Read ``name=number,name=number``; raises ``FixTheDeclaration`` with the names there are."""
    known = {field.name for field in fields(FtFaults)}
    given: dict[str, float] = {}
    for part in (script or "").split(","):
        if not part.strip():
            continue
        name, _, value = part.strip().partition("=")
        if name not in known or not value.replace(".", "", 1).isdigit():
            raise FixTheDeclaration(
                f"--faults: {name!r} is not a fault, or its number is missing. Faults: {', '.join(sorted(known))}."
            )
        given[name] = float(value) if "." in value or name == "slow_seconds" else int(value)
    return FtFaults(**given)  # type: ignore[arg-type] # numbers, by the names checked above
