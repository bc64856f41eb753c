"""Messages to a partner that listens: one signed body each, naming the person as the partner itself does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from hub.sharing.sync_file import named_by
from schemas.beneficiary import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from connectors.outcome import Outcome
    from connectors.webhook import WebhookClient


class WebhookSender:
    """The body is the same whenever a message is sent; its id is the webhook's."""

    nothing_to_send = "Rien à dire au partenaire."

    def __init__(self, client: WebhookClient, reference: Sequence[str]) -> None:
        self._client = client
        self._reference = reference

    def prepare(self, connection: Connection, batch: Sequence[Row[Any]]) -> None:
        """A message holds all that is sent."""

    def asked_with(self, row: Row[Any]) -> str | None:  # noqa: ARG002 - nobody is searched for
        return None

    def send(self, row: Row[Any]) -> Outcome | None:
        data = {
            "message_id": str(row.id),
            "sequence": row.sequence,
            "personne": named_by(self._reference, row.payload["reference"]),
            "champs": row.payload["fields"],
        }
        body = orjson.dumps({"type": "personne.modifiee", "schema": VERSION, "data": data}, option=orjson.OPT_SORT_KEYS)
        return self._client.post(str(row.id), body)
