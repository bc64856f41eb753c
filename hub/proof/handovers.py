"""Handovers: one key signs the journal after another. Both say so, and what either signed can still be verified.

The old key is gone once the new one is in its place: whoever takes the machine later cannot sign in its name.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hub.offline.verify_journal import handed_over
from hub.proof.checkpoints import sign_journal
from hub.storage.outside import keep_lines, read_copies
from hub.storage.signing import open_signer
from hub.storage.store import take_lock

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from hub.opening import Hub
    from hub.storage.signing import Signer


def rotate_signing(hub: Hub, *, now: datetime) -> dict[str, Any]:
    """Put another key in the place of the one the journal is signed with; returns the new public key, and those before it.

    What was not signed yet is signed with the old one first. Killed anywhere and run again, it goes on with the key it had drawn.
    """
    file = hub.settings.signing_key
    drawn = file.with_name(f"{file.name}.next")
    new = open_signer(drawn, create=True)
    sign_journal(hub, now=now)
    with hub.engine.begin() as connection:
        take_lock(connection, "journal")  # nobody signs meanwhile
        old = open_signer(file, create=False)
        _keep(hub.settings.handovers, old, new, now=now)
        drawn.replace(file)
        _sync(file.parent)
    return {"public_key": new.public.hex(), "before": [each["from"] for each in read_copies(hub.settings.handovers)]}


def _keep(file: Path, old: Signer, new: Signer, *, now: datetime) -> None:
    said: dict[str, Any] = {"from": old.public.hex(), "to": new.public.hex(), "at": f"{now.timestamp():.6f}"}
    if any((each["from"], each["to"]) == (said["from"], said["to"]) for each in read_copies(file)):
        return
    signed = handed_over(said)
    keep_lines(file, [{**said, "signature_from": old.sign(signed).hex(), "signature_to": new.sign(signed).hex()}])


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
