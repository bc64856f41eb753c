"""The journal of disclosures: recompute every seal and every signed checkpoint; name what was changed, deleted, added, swapped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from hub.offline.verify_journal import Tree, hash_of, signature_fault
from hub.sharing.disclosures import GENESIS, Disclosure, append, seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row

__all__ = ["Disclosure", "Fault", "Verified", "append", "verify"]

CHUNK = 5000
LOOKED_INTO = 50  # entries out of place that are compared with each other
TOLD_AT_MOST = 100

ENTRIES = """
select position, cast(round(extract(epoch from at), 6) as text) as at, partner, person_id::text as person, agreement, purpose, fields,
       message_id::text as message, previous_hash, entry_hash
from disclosure order by position
"""
# The chain cannot miss its own last entries; the messages do: each was written with its entry, in one transaction.
UNTOLD = """
select exists (select from message m where not exists (select from disclosure d where d.message_id = m.id))
"""
END_MISSING = "un message n'a pas son entrée : la fin du journal manque"
UNSIGNED = "les entrées {first} à {last} ne sont pas celles qui ont été signées : réécrites, ou supprimées à la fin"
CUT = "les entrées {first} à {last} ont été signées et ne sont plus toutes là"
CUT_OFF = " à la fin : cela avait été signé"
MOVED = ", les suivantes décalées"
NOT_KEPT = "point de contrôle {last} : la copie gardée hors de la base n'est plus celle de la base"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What does not hold, and at which entry."""

    position: int
    what: str


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What recomputing showed. ``signed_to`` is the last entry under a signature that holds."""

    entries: int
    faults: tuple[Fault, ...] = ()
    signed_to: int = 0

    @property
    def first_bad(self) -> int | None:
        """The first entry that does not hold."""
        return self.faults[0].position if self.faults else None

    @property
    def reason(self) -> str | None:
        """What is wrong with it."""
        return self.faults[0].what if self.faults else None


@dataclass(kw_only=True)
class _Checkpoints:
    """The signed checkpoints, met one after the other as entries go by."""

    waiting: list[Mapping[str, Any]]
    key: Ed25519PublicKey | None
    tree: Tree = field(default_factory=Tree)
    before: bytes = GENESIS
    signed_to: int = 0
    seen: int = 0
    sound: bool = True

    def passed(self, position: int, entry_hash: bytes) -> Iterator[Fault]:
        while self.waiting and position > self.waiting[0]["last_position"]:
            yield self._missed(self.waiting.pop(0))
        self.tree.add(entry_hash)
        self.seen = position
        if self.waiting and position == self.waiting[0]["last_position"]:
            yield from self._met(dict(self.waiting.pop(0)), entry_hash)

    def ended(self) -> Iterator[Fault]:
        if self.waiting:
            first, last = self.seen + 1, self.waiting[-1]["last_position"]
            yield Fault(position=first, what=f"{_missing(first, last)}{CUT_OFF}")

    def _missed(self, checkpoint: Mapping[str, Any]) -> Fault:
        first, last = checkpoint["first_position"], checkpoint["last_position"]
        self.sound, self.tree, self.before = False, Tree(), hash_of(dict(checkpoint))
        return Fault(position=first, what=CUT.format(first=first, last=last))

    def _met(self, checkpoint: dict[str, Any], entry_hash: bytes) -> Iterator[Fault]:
        first, last = checkpoint["first_position"], checkpoint["last_position"]
        held = True
        if self.key is not None and (fault := signature_fault(checkpoint, self.key)):
            held = False
            yield Fault(position=last, what=fault)
        if checkpoint["previous_hash"] != self.before.hex():
            held = False
            yield Fault(position=last, what=f"point de contrôle {last} : ne suit pas le précédent")
        if (checkpoint["last_hash"], checkpoint["root"]) != (entry_hash.hex(), self.tree.root().hex()):
            held = False
            yield Fault(position=first, what=UNSIGNED.format(first=first, last=last))
        self.sound = self.sound and held
        if self.sound:
            self.signed_to = last
        self.before, self.tree = hash_of(checkpoint), Tree()


def verify(
    connection: Connection,
    *,
    checkpoints: Sequence[Mapping[str, Any]] = (),
    copies: Sequence[Mapping[str, Any]] = (),
    public_key: bytes | None = None,
) -> Verified:
    """Recompute every entry, then every checkpoint over it.

    ``checkpoints`` are those of the database, ``copies`` those kept outside it: what was deleted with its checkpoint still
    has its copy. ``public_key`` is the one to trust, from outside the database.
    """
    known = {each["last_position"]: each for each in checkpoints}
    kept = {each["last_position"]: each for each in copies}
    faults = [
        Fault(position=last, what=NOT_KEPT.format(last=last))
        for last, each in sorted(kept.items())
        if known.get(last) != each
    ]
    signed = _Checkpoints(
        waiting=[each for _, each in sorted((known | kept).items())],
        key=Ed25519PublicKey.from_public_bytes(public_key) if public_key else None,
    )
    chain = _Chain()
    rewritten: list[Fault] = []
    with connection.execute(text(ENTRIES), execution_options={"yield_per": CHUNK}) as entries:
        for row in entries:
            chain.next(row)
            rewritten += signed.passed(row.position, bytes(row.entry_hash))
    rewritten += signed.ended()
    named = chain.named()
    if connection.execute(text(UNTOLD)).scalar_one():
        named.append(Fault(position=chain.expected, what=END_MISSING))
    found = sorted([*named, *faults, *rewritten], key=lambda fault: fault.position)
    return Verified(entries=chain.sound, faults=_precise(found, named)[:TOLD_AT_MOST], signed_to=signed.signed_to)


def _precise(found: list[Fault], named: list[Fault]) -> tuple[Fault, ...]:
    """The entries themselves first, where they could be named; then what their checkpoints say."""
    return (*named, *(fault for fault in found if fault not in named))


@dataclass(kw_only=True)
class _Chain:
    """The entries as they follow each other; what does not follow is set aside, to be named once all were seen."""

    expected: int = 1
    previous: bytes = GENESIS
    sound: int = 0
    broken: bool = False
    gaps: list[tuple[int, int]] = field(default_factory=list)
    resealed: list[int] = field(default_factory=list)
    odd: list[Row[Any]] = field(default_factory=list)

    def next(self, row: Row[Any]) -> None:
        mine, before = bytes(row.entry_hash), bytes(row.previous_hash)
        whole = _sealed(row, row.position) == mine
        if row.position > self.expected:
            self.gaps.append((self.expected, row.position - 1))
        elif row.position < self.expected or not whole:
            self._set_aside(row)
        elif before != self.previous and not self.odd:
            self.resealed.append(row.position - 1)
        if row.position > self.expected and not whole:
            self._set_aside(row)
        self.broken = self.broken or bool(self.gaps or self.odd or self.resealed)
        self.sound += not self.broken
        self.expected, self.previous = max(row.position, self.expected - 1) + 1, mine

    def _set_aside(self, row: Row[Any]) -> None:
        if len(self.odd) < LOOKED_INTO:
            self.odd.append(row)

    def named(self) -> list[Fault]:
        """What happened to each entry that is not in its place, in order of position."""
        found = [Fault(position=first, what=_missing(first, last)) for first, last in self.gaps]
        found += [
            Fault(position=max(each, 1), what=f"entrée {each} modifiée, puis scellée à nouveau")
            for each in self.resealed
        ]
        moved = False
        for row in self.odd:
            what = self._what(row)
            if not (moved and what.endswith(MOVED)):
                found.append(Fault(position=max(row.position, 1), what=what))
            moved = what.endswith(MOVED)
        return sorted(found, key=lambda fault: fault.position)

    def _what(self, row: Row[Any]) -> str:
        here = row.position
        for other in self.odd:
            if other.position != here and _swapped(row, other):
                return f"entrée {here} échangée avec l'entrée {other.position}"
        place = next((there for there in (here + 1, here - 1) if _sealed(row, there) == bytes(row.entry_hash)), None)
        if here < 1 or place == here - 1:
            return f"entrée {here} ajoutée"
        if place is not None:
            return f"entrée {here} supprimée{MOVED}"
        return f"entrée {here} modifiée"


def _missing(first: int, last: int) -> str:
    return f"entrée {first} supprimée" if first == last else f"entrées {first} à {last} supprimées"


def _swapped(one: Row[Any], other: Row[Any]) -> bool:
    """Whether each holds what the other said: with its seals, or without them."""
    if _sealed(one, other.position) == bytes(one.entry_hash):
        return _sealed(other, one.position) == bytes(other.entry_hash)
    return _sealed(one, other.position, other.previous_hash) == bytes(other.entry_hash)


def _sealed(row: Row[Any], position: int, previous: bytes | None = None) -> bytes:
    return seal(
        bytes(row.previous_hash if previous is None else previous), position, row.at, row.partner, row.person,
        row.agreement, row.purpose, list(row.fields), row.message,
    )  # fmt: skip
