"""How normalised records wait to be applied: sealed, hashed, copied in bulk, refused ones in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from hub.storage.store import copy_rows
from schemas.codes import code_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    from sqlalchemy import Connection

    from connectors.base import Chunk
    from hub.storage.vault import Vault

NIR = "identity.nir"
SCOPE = "identifiers.departement"
COPY_STAGED = """
copy staged_record
  (delivery_id, record, unit, key, scope, as_of, content, content_hash, nir_encrypted, nir_hash, digest, shape)
from stdin
"""
COPY_QUARANTINE = """
copy quarantine (delivery_id, record, unit, field, rule, hint, key, block_encrypted, opened_at) from stdin
"""


@dataclass(frozen=True, kw_only=True)
class Staging:
    """Writes the records of one delivery to the store, in the caller's transaction; only the fields ``kept`` are written."""

    connection: Connection
    vault: Vault
    flow: str
    delivery_id: int
    now: datetime
    kept: frozenset[str]

    def clear(self) -> None:
        """Forget an earlier, unfinished attempt."""
        for table in ("staged_record", "quarantine", "delivery_record"):
            self.connection.execute(
                text(f"delete from {table} where delivery_id = :id"),  # noqa: S608 - three names of our own
                {"id": self.delivery_id},
            )

    def stage(self, frame: pd.DataFrame, shapes: Sequence[str], digests: Mapping[int, bytes]) -> None:
        """Copy normalised records: their content without the NIR, which is sealed beside it."""
        copy_rows(self.connection, COPY_STAGED, self._staged_rows(frame, shapes, digests))

    def unread(self, chunk: Chunk) -> None:
        """Copy the records of a chunk of which none could be read."""
        copy_rows(self.connection, COPY_QUARANTINE, self._unread_rows(chunk))

    def quarantine(self, chunk: Chunk, frame: pd.DataFrame, rejects: pd.DataFrame) -> None:
        """Copy refused records, one line each: the first rule that refused it, and what was read of it, sealed."""
        first = rejects.drop_duplicates("record")
        rows = [*self._unread_rows(chunk), *self._refused_rows(chunk, frame, first)]
        copy_rows(self.connection, COPY_QUARANTINE, rows)

    def _staged_rows(
        self, frame: pd.DataFrame, shapes: Sequence[str], digests: Mapping[int, bytes]
    ) -> Iterable[Sequence[Any]]:
        hash_key, hash_content = self.vault.hasher("key"), self.vault.hasher("content")
        known_scopes = code_lists()["departement"]
        hash_nir, encrypt = self.vault.hasher("nir"), self.vault.encrypt
        for (record, unit, key, as_of, content), shape in zip(records_of(frame, self.kept), shapes, strict=True):
            canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
            nir = content.pop(NIR, None)
            clear = nir.encode() if nir else b""
            yield (
                self.delivery_id,
                record,
                unit,
                hash_key(f"{self.flow}\0{key}".encode()).hex(),
                known_scopes.shown(content.get(SCOPE, "")),
                as_of,
                (orjson.dumps(content) if nir else canonical).decode(),
                hash_content(canonical),
                encrypt(clear) if nir else None,
                hash_nir(clear) if nir else None,
                digests.get(unit),
                shape,
            )

    def _unread_rows(self, chunk: Chunk) -> Iterable[Sequence[Any]]:
        for refused in chunk.rejected:
            yield (
                self.delivery_id, refused.record, refused.unit, refused.field, refused.rule, refused.hint,
                None, self.vault.encrypt(refused.raw), self.now,
            )  # fmt: skip

    def _refused_rows(self, chunk: Chunk, frame: pd.DataFrame, rejects: pd.DataFrame) -> Iterable[Sequence[Any]]:
        hash_key = self.vault.hasher("key")
        keys: dict[Any, Any] = dict(zip(frame.index, frame["#key"], strict=True))
        for reject in rejects.itertuples(index=False):
            key = keys.get(reject.record)
            block = chunk.frame.loc[[reject.record]].iloc[0].dropna().to_dict()
            yield (
                self.delivery_id, reject.record, reject.unit, reject.field, reject.rule, reject.hint,
                hash_key(f"{self.flow}\0{key}".encode()).hex() if isinstance(key, str) else None,
                self.vault.encrypt(orjson.dumps(block, default=str)), self.now,
            )  # fmt: skip


def records_of(
    frame: pd.DataFrame, kept: frozenset[str] | None = None
) -> Iterable[tuple[int, int, str, str | None, dict[str, Any]]]:
    """Yield (record, unit, key, as_of, content) for each row; absent fields, and those not ``kept``, have no key in the content."""
    paths = [column for column in frame.columns if not column.startswith("#") and (kept is None or column in kept)]
    values = [frame[path].astype(object).where(frame[path].notna(), None).tolist() for path in paths]
    as_of = frame["#as_of"].tolist() if "#as_of" in frame else [None] * len(frame)
    heads = zip(frame.index.tolist(), frame["#unit"].tolist(), frame["#key"].tolist(), as_of, strict=True)
    rows = zip(*values, strict=True) if values else ((),) * len(frame)
    for (record, unit, key, day), row in zip(heads, rows, strict=True):
        content = {path: value for path, value in zip(paths, row, strict=True) if value is not None}
        yield record, unit, key, day if isinstance(day, str) else None, content
