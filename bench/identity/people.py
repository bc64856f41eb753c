"""Invented people as they really are: twins, siblings, couples, parents and children, homonyms; born in France, overseas or abroad.

Everything is drawn in columns, from a seed. Relations are made by copying from a person what relatives share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.identity import pools

NOBODY = -1
KINDS = ("none", "twin", "sibling", "couple", "parent_child", "homonym")
SHARES = {"twin": 0.012, "sibling": 0.06, "couple": 0.14, "parent_child": 0.05, "homonym": 0.012}
ORIGINS = ("france", "overseas", "corsica", "algeria", "abroad")
ORIGIN_SHARES = (0.70, 0.06, 0.01, 0.05, 0.18)
COUNTRIES = np.array(
    ["99352", "99350", "99351", "99335", "99341", "99326", "99139", "99208", "99324", "99312", "99404", "99397"]
)
OLD_DEPARTEMENTS = (91, 92, 93, 94)
BIG_CITIES = np.array(["75056", "13055", "69123", "31555", "59350", "67482", "33063", "44109", "76540", "93066"])


@dataclass
class People:
    """Columns of equal length. Names are places in the pools."""

    surnames: np.ndarray
    givens: np.ndarray
    sex: np.ndarray
    year: np.ndarray
    month: np.ndarray
    day: np.ndarray
    origin: np.ndarray
    place: np.ndarray
    birth: np.ndarray
    usage: np.ndarray
    given: np.ndarray
    family: np.ndarray
    kind: np.ndarray
    home: np.ndarray
    phone: np.ndarray
    mail: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.sex)


def invent(seed: int, size: int) -> People:
    """``size`` people."""
    random = np.random.default_rng(seed)
    people = _strangers(random, size)
    _relate(people, random)
    _one_number_each(people)
    married = ((people.sex == 2) & (random.random(size) < 0.38)) | (random.random(size) < 0.02)
    alone = married & (people.usage == people.birth)
    people.usage[alone] = people.usage[random.permutation(size)][alone]
    _share_centres(people, random)
    return people


def _strangers(random: np.random.Generator, size: int) -> People:
    french = pools.listed(pools.FRENCH) + pools.rare_names(random, 60_000)
    groups = [french, *(pools.listed(text) for text in (pools.MAGHREB, pools.AFRICA, pools.ELSEWHERE))]
    groups = [group if index == 0 else group + pools.rare_names(random, 3_000) for index, group in enumerate(groups)]
    sets = [pools.listed(text) for text in (pools.MEN, pools.WOMEN, pools.MEN_MAGHREB, pools.WOMEN_MAGHREB)]
    sex = random.integers(1, 3, size).astype(np.int8)
    origin = random.choice(len(ORIGINS), size, p=ORIGIN_SHARES).astype(np.int8)
    culture = np.where(
        origin >= 3, random.choice(4, size, p=(0.05, 0.45, 0.3, 0.2)), random.choice(4, size, p=(0.8, 0.1, 0.05, 0.05))
    )
    year = random.integers(1957, 2006, size).astype(np.int16)
    year = np.where(origin == 3, random.integers(1940, 1963, size), year).astype(np.int16)
    month, day = random.integers(1, 13, size).astype(np.int8), random.integers(1, 29, size).astype(np.int8)
    unknown_day = (origin >= 3) & (random.random(size) < 0.12)
    month[unknown_day], day[unknown_day] = np.where(random.random(unknown_day.sum()) < 0.85, 1, 7), 1
    muslim = (culture == 1) | ((culture == 2) & (random.random(size) < 0.6))
    birth = _from_groups(random, groups, culture)
    return People(
        surnames=np.array([name for group in groups for name in group], dtype=object),
        givens=np.array([name for group in sets for name in group], dtype=object),
        sex=sex, year=year, month=month, day=day, origin=origin, place=_places(random, origin, year),
        birth=birth, usage=birth.copy(), given=_given(random, sets, sex - 1 + 2 * muslim),
        family=np.full(size, NOBODY), kind=np.zeros(size, dtype=np.int8),
        home=np.arange(size), phone=np.arange(size), mail=np.arange(size), order=random.integers(1, 1000, size).astype(np.int16),
    )  # fmt: skip


def _from_groups(random: np.random.Generator, groups: list[list[str]], which: np.ndarray) -> np.ndarray:
    out, start = np.zeros(len(which), dtype=np.int64), 0
    for index, group in enumerate(groups):
        chosen = which == index
        out[chosen] = start + random.choice(len(group), chosen.sum(), p=pools.falling(len(group), slope=0.75))
        start += len(group)
    return out


def _given(random: np.random.Generator, sets: list[list[str]], which: np.ndarray) -> np.ndarray:
    """Up to three first names."""
    given = np.stack([_from_groups(random, sets, which) for _ in range(3)], axis=1)
    count = random.choice([1, 2, 3], len(which), p=(0.35, 0.3, 0.35))
    given[:, 1][(count < 2) | (given[:, 1] == given[:, 0])] = NOBODY
    given[:, 2][(count < 3) | (given[:, 2] == given[:, 0]) | (given[:, 2] == given[:, 1])] = NOBODY
    return given


def _places(random: np.random.Generator, origin: np.ndarray, year: np.ndarray) -> np.ndarray:
    """INSEE codes; Corsica as it was written at the time, Algeria before independence as départements."""
    size = len(origin)
    dept = random.integers(1, 96, size)
    dept = np.where(dept == 20, 59, dept)
    commune = np.minimum(random.zipf(1.35, size), 700)
    place = np.array([f"{d:02d}{c:03d}" for d, c in zip(dept, commune, strict=True)], dtype=object)
    big = random.random(size) < 0.25
    place[big] = random.choice(BIG_CITIES, big.sum())
    islands = origin == 1
    place[islands] = [
        f"97{d}{c:02d}"
        for d, c in zip(random.integers(1, 5, islands.sum()), random.integers(1, 25, islands.sum()), strict=True)
    ]
    corsica = origin == 2
    place[corsica] = [
        f"{'20' if y < 1976 else s}{c:03d}"
        for y, s, c in zip(
            year[corsica],
            random.choice(["2A", "2B"], corsica.sum()),
            random.integers(1, 60, corsica.sum()),
            strict=True,
        )
    ]
    old = origin == 3
    place[old] = [
        f"{d}{c:03d}"
        for d, c in zip(random.choice(OLD_DEPARTEMENTS, old.sum()), random.integers(1, 200, old.sum()), strict=True)
    ]
    abroad = origin == 4
    place[abroad] = random.choice(COUNTRIES, abroad.sum(), p=pools.falling(len(COUNTRIES), slope=0.6))
    return place


def _one_number_each(people: People) -> None:
    """No two people born of one sex in one month in one place have the same order: the next free one, as at INSEE. Drawn at random
    alone, strangers share a certified number the more often the more people there are, and nothing could tell them apart.
    """
    place = np.unique(people.place.astype(str), return_inverse=True)[1]
    group = ((place * 3 + people.sex) * 3_000 + people.year) * 13 + people.month
    sorted_ = np.lexsort((people.order, group))
    start = np.flatnonzero(np.diff(group[sorted_], prepend=-1))
    size = np.diff(start, append=len(group))
    rank = np.arange(len(group)) - np.repeat(start, size)
    step = np.repeat(np.arange(len(start)), size) * 10_000  # so that the running maximum starts again with each group
    order = np.maximum.accumulate(people.order[sorted_] - rank + step) - step + rank
    people.order[sorted_] = np.minimum(order, 999 - (np.repeat(size, size) - 1 - rank))


def _relate(people: People, random: np.random.Generator) -> None:
    """Make pairs of relatives of people that were strangers."""
    order, used = random.permutation(len(people)), 0
    for kind, share in SHARES.items():
        pairs = int(len(people) * share / 2)
        one, other = order[used : used + pairs], order[used + pairs : used + 2 * pairs]
        used += 2 * pairs
        people.family[one] = people.family[other] = one
        people.kind[one] = people.kind[other] = KINDS.index(kind)
        RELATE[kind](people, random, one, other)


def _same(people: People, columns: str, one: np.ndarray, other: np.ndarray) -> None:
    for column in columns.split():
        getattr(people, column)[other] = getattr(people, column)[one]


def _sometimes(
    people: People, random: np.random.Generator, columns: str, pair: tuple[np.ndarray, np.ndarray], share: float
) -> None:
    kept = random.random(len(pair[0])) < share
    _same(people, columns, pair[0][kept], pair[1][kept])


def _twins(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    """Same birth, same name, often same home; a third have first names that look alike; numbers a few steps apart."""
    _same(people, "birth usage year month day origin place", one, other)
    _sometimes(people, random, "sex", (one, other), 0.7)
    _sometimes(people, random, "home", (one, other), 0.5)
    people.order[other] = people.order[one] % 999 + 1
    people.given[other] = _same_culture(people, random, one, people.sex[other])
    _alike(people, random, one, other)


def _alike(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    """A third have first names that begin with the same two letters: Lucas and Lucie, Mathis and Mathieu. Never the same first word."""
    stock = np.unique(people.given[other, 0])
    by_start: dict[str, list[int]] = {}
    for place in stock:
        by_start.setdefault(people.givens[place][:2], []).append(int(place))
    for a, b in zip(one, other, strict=True):
        name = people.givens[people.given[a, 0]]
        like = [place for place in by_start.get(name[:2], ()) if _first_word(people.givens[place]) != _first_word(name)]
        if like and random.random() < 0.33:
            people.given[b, 0] = like[int(random.integers(len(like)))]
        if _first_word(people.givens[people.given[b, 0]]) == _first_word(name):
            people.given[b, 0] = random.choice(stock)


def _first_word(name: str) -> str:
    return name.split("-", maxsplit=1)[0]


def _same_culture(people: People, random: np.random.Generator, one: np.ndarray, sex: np.ndarray) -> np.ndarray:
    """Other first names of people of the same kind of name and sex."""
    men = len(pools.listed(pools.MEN))
    women = men + len(pools.listed(pools.WOMEN))
    out = np.empty((len(one), 3), dtype=np.int64)
    muslim = people.given[:, 0] >= women
    for value in (1, 2):
        for kind in (True, False):
            wanted = (sex == value) & (muslim[one] == kind)
            stock = np.flatnonzero((people.sex == value) & (muslim == kind) & (people.family == NOBODY))
            out[wanted] = people.given[random.choice(stock, wanted.sum())]
    clash = out[:, 0] == people.given[one, 0]
    out[clash] = np.roll(out, 1, axis=0)[clash]
    return out


def _siblings(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    _same(people, "birth usage origin", one, other)
    _sometimes(people, random, "place", (one, other), 0.7)
    _sometimes(people, random, "home", (one, other), 0.4)
    _sometimes(people, random, "phone", (one, other), 0.1)
    _sometimes(people, random, "mail", (one, other), 0.05)
    people.year[other] = people.year[one] + random.integers(1, 9, len(one))
    people.given[other] = _same_culture(people, random, one, people.sex[other])
    people.place[other] = np.where(people.origin[other] == 4, people.place[one], people.place[other])


def _couples(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    """One home, often one phone and one mail box, one usage name; sometimes one first name."""
    people.sex[one], people.sex[other] = 1, np.where(random.random(len(other)) < 0.95, 2, 1)
    for side in (one, other):
        people.given[side] = _same_culture(people, random, side, people.sex[side])
    _same(people, "home", one, other)
    _sometimes(people, random, "phone", (one, other), 0.45)
    _sometimes(people, random, "mail", (one, other), 0.3)
    taken = random.random(len(one)) < 0.7
    people.usage[other[taken]] = people.birth[one[taken]]
    both = random.random(len(one)) < 0.015
    people.given[other[both]] = people.given[one[both]]
    near = random.random(len(one)) < 0.02
    people.year[other[near]], people.month[other[near]], people.day[other[near]] = (
        people.year[one[near]], people.month[one[near]], people.day[one[near]],
    )  # fmt: skip


def _parents(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    """The child lives at home half of the time; one in five carries the parent's first name."""
    _same(people, "birth usage", one, other)
    people.year[one] = np.clip(people.year[one], 1940, 1982)
    people.year[other] = np.minimum(people.year[one] + random.integers(18, 38, len(one)), 2008)
    people.origin[one[people.origin[one] == 3]] = 4
    _sometimes(people, random, "home phone", (one, other), 0.5)
    _sometimes(people, random, "mail", (one, other), 0.15)
    people.given[other] = _same_culture(people, random, one, people.sex[other])
    named = random.random(len(one)) < 0.2
    _same(people, "sex given", one[named], other[named])
    people.place[one] = np.where(people.origin[one] == 4, random.choice(COUNTRIES, len(one)), people.place[one])


def _homonyms(people: People, random: np.random.Generator, one: np.ndarray, other: np.ndarray) -> None:
    """Same names, same sex, elsewhere; one pair in twenty was born the same day."""
    _same(people, "birth usage sex given", one, other)
    _sometimes(people, random, "year month day", (one, other), 0.05)


def _share_centres(people: People, random: np.random.Generator) -> None:
    """Some have the phone, the mail box or the address of a social centre or of the worker who follows them."""
    centres = max(1, len(people) // 4_000)
    for column, share in (("phone", 0.025), ("mail", 0.015), ("home", 0.02)):
        chosen = random.random(len(people)) < share
        getattr(people, column)[chosen] = len(people) + random.integers(0, centres, chosen.sum())


RELATE = {"twin": _twins, "sibling": _siblings, "couple": _couples, "parent_child": _parents, "homonym": _homonyms}
