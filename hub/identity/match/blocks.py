"""Records that share a key, brought together as columns of numbers: sorted by key, those of one key are neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AT_ONCE = 4_000_000
SLOTS_A_KEY, MOST_SLOTS = 4, 1 << 27
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Everybody:
    """The records in the order of their table: number, source, and whether they are looked for by more than their number."""

    rid: np.ndarray
    source: np.ndarray
    free: np.ndarray
    within: bool


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The places of records, key by key; for each key where it starts, how many have it, and how many of them are looked for."""

    places: np.ndarray
    start: np.ndarray
    size: np.ndarray
    free: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """How many pairs each block makes: those looked for, with all."""
        return np.asarray(self.size * self.free)

    def where(self, chosen: np.ndarray) -> Blocks:
        """Some of the blocks."""
        return Blocks(places=self.places, start=self.start[chosen], size=self.size[chosen], free=self.free[chosen])


def gather(keys: Sequence[np.ndarray], everybody: Everybody) -> Blocks:
    """Blocks of two records or more, of which one is looked for. ``keys`` are columns, zero for a record without that key."""
    chosen = _likely(keys, everybody)
    key = np.concatenate([column[place] for column, place in zip(keys, chosen, strict=True)])
    order = np.argsort(key)
    key, places = key[order], np.concatenate(chosen)[order]
    start = np.flatnonzero(np.diff(key, prepend=key[:1] ^ 1))
    size = np.diff(start, append=len(key))
    looked_for = np.add.reduceat(everybody.free[places], start, dtype=np.int64) if len(start) else size
    found = Blocks(places=places, start=start, size=size, free=looked_for)
    return found.where((size > 1) & (looked_for > 0))


def _likely(keys: Sequence[np.ndarray], everybody: Everybody) -> list[np.ndarray]:
    """The places of keys that a record looked for and one that it may be paired with have too, as far as the first bits of a key
    tell: few of the others are left to sort.
    """
    wanted = len(keys) * int(everybody.free.sum())
    slots = min(1 << (SLOTS_A_KEY * wanted).bit_length(), MOST_SLOTS)
    shift = np.uint64(64 - slots.bit_length() + 1)
    slot = [(column >> shift).astype(np.uint32) for column in keys]
    taken, shared = np.zeros(slots, dtype=bool), np.zeros(slots, dtype=bool)
    for at in slot:
        taken[at[everybody.free]] = True
    chosen = [np.flatnonzero(taken[at] & (column != 0)).astype(np.int32) for at, column in zip(slot, keys, strict=True)]
    slot = [at[place] for at, place in zip(slot, chosen, strict=True)]
    whose = [place if everybody.within else everybody.source[place] for place in chosen]
    holder = np.zeros(slots, dtype=whose[0].dtype)
    for at, who in zip(slot, whose, strict=True):
        holder[at] = who
    for at, who in zip(slot, whose, strict=True):
        shared[at[holder[at] != who]] = True
    return [place[shared[at]] for at, place in zip(slot, chosen, strict=True)]


def pairs_of(blocks: Blocks, everybody: Everybody) -> Iterator[Pairs]:
    """The pairs (a, b), a < b, of some blocks, some millions at a time. A pair may come again from another block."""
    for some in _slices(blocks):
        member = np.repeat(some.start, some.size) + _counting(some.size)
        looked_for = everybody.free[some.places[member]]
        start, size = (np.repeat(each, some.size)[looked_for] for each in (some.start, some.size))
        one = np.repeat(some.places[member[looked_for]], size)
        other = some.places[np.repeat(start, size) + _counting(size)]
        differ = one != other if everybody.within else everybody.source[one] != everybody.source[other]
        kept = differ & ((one < other) | ~everybody.free[other])
        a, b = everybody.rid[one[kept]], everybody.rid[other[kept]]
        yield np.minimum(a, b), np.maximum(a, b)


def _slices(blocks: Blocks) -> Iterator[Blocks]:
    part = np.cumsum(blocks.pairs) // AT_ONCE
    for number in np.unique(part):
        yield blocks.where(part == number)


def _counting(sizes: np.ndarray) -> np.ndarray:
    """0, 1, 2 … for each size, one after another."""
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes, sizes))
