"""What each of the three files says of the people it knows: which, written how, with which mistakes.

``caf``: capitals without accents, names cut at 28 and 32, numbers with their key. ``pe``: accents, first name cut at 13, some numbers
without key. ``departement``: a spreadsheet, typed: any date format, DUPONT (née MARTIN), swapped names, spaces in numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from bench.identity import errors, pools
from bench.identity.people import KINDS, NOBODY, ORIGINS, People
from hub.identity.french.person import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.identity.errors import Rates

RATES: dict[str, Rates] = {"caf": errors.CAF, "pe": errors.FRANCE_TRAVAIL, "departement": errors.DEPARTEMENT}
KNOWN = {"caf": 0.8, "pe": 0.7, "departement": 0.45}
CUT = {"caf": (28, 32), "pe": (25, 13), "departement": (60, 60)}
DATE_FORMATS = (
    "{d:02d}/{m:02d}/{y}",
    "{d:02d}/{m:02d}/{y}",
    "{y}-{m:02d}-{d:02d}",
    "{d}/{m}/{y}",
    "{d:02d}{m:02d}{y}",
    "{d:02d}-{m:02d}-{y}",
)
MAILS = np.array(["gmail.com", "orange.fr", "hotmail.fr", "yahoo.fr", "laposte.net", "free.fr"], dtype=object)
Column = np.ndarray


def write(
    people: People, source: str, *, seed: int, level: str, known: float | None = None
) -> tuple[pa.Table, pa.Table]:
    """One file and the truth about it. ``known`` is the share of people it holds."""
    random = np.random.default_rng(seed)
    rates = RATES[source].harder(errors.HARD[source]) if level == "hard" else RATES[source]
    here = np.flatnonzero(random.random(len(people)) < (KNOWN[source] if known is None else known))
    here = random.permutation(np.concatenate([here, here[random.random(len(here)) < rates.twice]]))
    columns = {
        **_names(people, here, random, rates, source),
        **_birth(people, here, random, rates, source),
        **_contacts(people, here, random, rates, source),
    }
    ids = np.array([f"{source[:1].upper()}{number:09d}" for number in random.permutation(len(here))], dtype=object)
    said = pa.table(
        {"source": pa.array([source] * len(here)), "source_id": ids} | {name: _null(columns[name]) for name in COLUMNS}
    )
    family = people.family[here]
    truth = pa.table(
        {
            "source": pa.array([source] * len(here)),
            "source_id": ids,
            "person": here,
            "family": pa.array(family, mask=family == NOBODY),
            "kind": np.array(KINDS, dtype=object)[people.kind[here]],
            "origin": np.array(
                ["abroad" if name in {"algeria", "abroad"} else "france" for name in ORIGINS], dtype=object
            )[people.origin[here]],
        }
    )
    return said, truth


def _null(values: Column) -> pa.Array:
    return pa.array([value or None for value in values], type=pa.string())


def _drop(random: np.random.Generator, values: Column, rate: float) -> Column:
    values[random.random(len(values)) < rate] = ""
    return values


def _names(people: People, here: Column, random: np.random.Generator, rates: Rates, source: str) -> dict[str, Column]:
    surnames, givens = people.surnames, np.append(people.givens, "")
    if source == "caf":
        surnames, givens = (
            np.array([errors.ascii_capitals(name) for name in pool], dtype=object) for pool in (surnames, givens)
        )
    birth, usage, given = surnames[people.birth[here]], surnames[people.usage[here]], people.given[here]
    different = people.usage[here] != people.birth[here]
    other = different & (random.random(len(here)) < rates.other_name * 4)
    birth = np.where(other, usage, birth)
    other_first = (given[:, 1] != NOBODY) & (random.random(len(here)) < rates.other_first * 2)
    given[other_first, :2] = given[other_first, 1::-1]
    first = givens[given[:, 0]]
    for values, rate in (
        (birth, rates.name_typed_wrong),
        (usage, rates.name_typed_wrong),
        (first, rates.first_typed_wrong),
    ):
        errors.make(random, values, rate, errors.typed_wrong)
    strange = people.origin[here] >= 3
    for values in (birth, usage, first):
        rate = np.where(strange, 4 * rates.heard, rates.heard / 6)
        for at in np.flatnonzero(random.random(len(here)) < rate):
            values[at] = errors.heard_otherwise(random, values[at])
    errors.make(random, birth, rates.misread, errors.misread)
    errors.make(random, first, rates.misread, errors.misread)
    full = _all_first_names(first, givens[given[:, 1]], givens[given[:, 2]], random, rates)
    usage = _drop(random, np.where(different & ~other, usage, ""), rates.no_usage)
    birth = _one_cell(birth, usage, random, rates)
    swapped = random.random(len(here)) < rates.swapped_names
    birth, full = np.where(swapped, full, birth), np.where(swapped, birth, full)
    return {
        "birth_name": _cut(birth, CUT[source][0]),
        "usage_name": _cut(usage, CUT[source][0]),
        "first_names": _cut(full, CUT[source][1]),
    }


def _all_first_names(first: Column, second: Column, third: Column, random: np.random.Generator, rates: Rates) -> Column:
    alone = random.random(len(first)) < rates.only_first
    comma = np.where(random.random(len(first)) < 0.3, ", ", " ")
    out = np.array(
        [
            a if one or not b else f"{a}{c}{b}{c + d if d else ''}"
            for a, b, d, one, c in zip(first, second, third, alone, comma, strict=True)
        ],
        dtype=object,
    )
    errors.make(random, out, rates.joined_first, lambda _, value: value.replace("-", "").replace(" ", ""))
    return out


def _one_cell(birth: Column, usage: Column, random: np.random.Generator, rates: Rates) -> Column:
    for at in np.flatnonzero((usage != "") & (random.random(len(birth)) < rates.both_in_one_cell * 3)):
        words = ("{u} (née {b})", "{u} née {b}", "{b} épouse {u}", "{b} ep {u}", "{u} NEE {b}")
        birth[at] = words[int(random.integers(0, 5))].format(u=usage[at], b=birth[at])
        usage[at] = ""
    for at in np.flatnonzero((usage != "") & (random.random(len(birth)) < rates.both_in_one_cell)):
        birth[at] = f"{birth[at]}-{usage[at]}"
    return birth


def _cut(values: Column, length: int) -> Column:
    return np.array([value[:length] for value in values], dtype=object)


def _birth(people: People, here: Column, random: np.random.Generator, rates: Rates, source: str) -> dict[str, Column]:
    year, month, day = (column[here].astype(int) for column in (people.year, people.month, people.day))
    nir = _numbers(people, here, random, rates, source)
    typed = random.random(len(here))
    year = np.where(typed < rates.date_typed_wrong / 3, year + random.choice([-10, -1, 1, 10], len(here)), year)
    month = np.where(
        (typed > 0.5) & (typed < 0.5 + rates.date_typed_wrong / 3), random.integers(1, 13, len(here)), month
    )
    day = np.where(typed > 1 - rates.date_typed_wrong / 3, random.integers(1, 29, len(here)), day)
    strange = people.origin[here] >= 3
    default = random.random(len(here)) < np.where(strange, rates.default_day * 5, rates.default_day / 4)
    month, day = np.where(default, 1, month), np.where(default, 1, day)
    turned = (day <= 12) & (random.random(len(here)) < rates.day_month_swapped)
    month, day = np.where(turned, day, month), np.where(turned, month, day)
    dates = _dates(year, month, day, random, source)
    place = people.place[here].copy()
    elsewhere = random.random(len(here)) < rates.other_place
    place[elsewhere] = [f"{code[:2]}{int(random.integers(1, 300)):03d}" for code in place[elsewhere]]
    old = (people.origin[here] == 3) & (random.random(len(here)) < 0.5)
    place[old] = "99352"
    paris = (place == "75056") & (random.random(len(here)) < 0.6)
    place[paris] = [f"751{int(number):02d}" for number in random.integers(1, 21, paris.sum())]
    sex = people.sex[here].astype(int)
    sex = np.where(random.random(len(here)) < rates.wrong_sex, 3 - sex, sex)
    words = {"caf": ("", "1", "2"), "pe": ("", "M", "F"), "departement": ("", "M.", "Mme")}[source]
    return {
        "nir": nir,
        "birth_date": _drop(random, dates, rates.no_date),
        "birth_place_insee": _drop(random, place, rates.no_place),
        "sex": _drop(random, np.array(words, dtype=object)[sex], rates.no_sex),
    }


def _dates(year: Column, month: Column, day: Column, random: np.random.Generator, source: str) -> Column:
    if source != "departement":
        form = {"caf": "{y}-{m:02d}-{d:02d}", "pe": "{d:02d}/{m:02d}/{y}"}[source]
        return np.array([form.format(y=y, m=m, d=d) for y, m, d in zip(year, month, day, strict=True)], dtype=object)
    which = random.integers(0, len(DATE_FORMATS), len(year))
    return np.array(
        [DATE_FORMATS[w].format(y=y, m=m, d=d) for w, y, m, d in zip(which, year, month, day, strict=True)],
        dtype=object,
    )


def _numbers(people: People, here: Column, random: np.random.Generator, rates: Rates, source: str) -> Column:
    """Numbers with their key; some missing, provisional, typed wrong, of a relative, or a dummy."""
    owner = here.copy()
    borrowed = (people.family[here] != NOBODY) & (random.random(len(here)) < rates.nir_of_another * 4)
    owner[borrowed] = people.family[here][borrowed]
    true = np.array(
        [
            _number(*parts)
            for parts in zip(
                *(c[owner] for c in (people.sex, people.year, people.month, people.place, people.order)), strict=True
            )
        ],
        dtype=object,
    )
    errors.make(random, true, rates.nir_typed_wrong, errors.digit_wrong)
    strange = people.origin[here] == 4
    provisional = random.random(len(here)) < np.where(strange, rates.provisional * 4, rates.provisional / 5)
    true[provisional] = [f"{7 if value[0] == '1' else 8}{value[1:13]}" for value in true[provisional]]
    bare = random.random(len(here)) < rates.nir_without_key
    true[bare] = [value[:13] for value in true[bare]]
    if source == "departement":
        errors.make(
            random, true, 0.3, lambda _, v: f"{v[0]} {v[1:3]} {v[3:5]} {v[5:7]} {v[7:10]} {v[10:13]} {v[13:]}".strip()
        )
    dummies = random.random(len(here)) < rates.dummy
    true[dummies] = random.choice(
        ["1111111111111", "999999999999999", "269054958815780", "0000000000000"], dummies.sum()
    )
    return _drop(random, true, rates.no_nir)


def _number(sex: int, year: int, month: int, place: str, order: int) -> str:
    text = f"{sex}{year % 100:02d}{month:02d}{place}{order:03d}"
    letters = text[5:7]
    number = int(text) if letters.isdigit() else int(text[:5] + {"2A": "19", "2B": "18"}[letters] + text[7:])
    return f"{text}{97 - number % 97:02d}"


def _contacts(
    people: People, here: Column, random: np.random.Generator, rates: Rates, source: str
) -> dict[str, Column]:
    """What a household shares is drawn from the household's number, so that it is the same for all of it."""
    home, phone, mail = (column[here].copy() for column in (people.home, people.phone, people.mail))
    size = len(here)
    home[random.random(size) < rates.moved] += 50_000_000 + random.integers(0, 1_000_000)
    phone[random.random(size) < rates.other_phone] += 70_000_000 + random.integers(0, 1_000_000)
    mail[random.random(size) < rates.other_mail] += 90_000_000 + random.integers(0, 1_000_000)
    street_names = np.array(pools.streets(), dtype=object)
    dept, town = _mixed(home, 1) % 95 + 1, _mixed(home, 2) % 60
    way = np.array(pools.WAYS, dtype=object)[_mixed(home, 3) % len(pools.WAYS)]
    names = street_names[_mixed(home, 4) % len(street_names)]
    number = _mixed(home, 5) % 140 + 1
    capitals = source == "caf"
    address = np.array([f"{n} {w} {s}" for n, w, s in zip(number, way, names, strict=True)], dtype=object)
    if capitals:
        address = np.array([errors.ascii_capitals(value) for value in address], dtype=object)
    errors.make(random, address, rates.name_typed_wrong * 2, errors.typed_wrong)
    gone = random.random(size) < rates.no_address
    address[gone] = ""
    where = np.array(
        ["" if lost else f"{d:02d}{t * 10:03d}" for d, t, lost in zip(dept, town, gone, strict=True)], dtype=object
    )
    city = np.array(
        ["" if lost else f"Ville-{d}-{t}" for d, t, lost in zip(dept, town, gone, strict=True)], dtype=object
    )
    return {
        "address": address, "postcode": where, "city": city,
        "phone": _phones(phone, random, rates, source), "email": _mails(people, here, mail, random, rates),
    }  # fmt: skip


def _mixed(numbers: Column, salt: int) -> Column:
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt * 0x632BE59BD9B4E019 % 2**64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(33)).astype(np.int64)


def _phones(phone: Column, random: np.random.Generator, rates: Rates, source: str) -> Column:
    shape: Callable[[int], str] = {"caf": lambda n: f"0{n}", "pe": lambda n: f"+33{n}"}.get(source, _spaced)
    digits = 600_000_000 + _mixed(phone, 6) % 199_999_999
    values = np.array([shape(number) for number in digits], dtype=object)
    errors.make(random, values, rates.name_typed_wrong, errors.digit_wrong)
    return _drop(random, values, rates.no_phone)


def _spaced(number: int) -> str:
    text = f"0{number}"
    return " ".join(text[at : at + 2] for at in range(0, 10, 2))


def _mails(people: People, here: Column, mail: Column, random: np.random.Generator, rates: Rates) -> Column:
    """Half of the mail boxes are made of the owner's name, so they agree with the name rather than add to it."""
    owner = np.where(mail < len(people), mail, here) % len(people)
    firsts, lasts = (
        [errors.ascii_capitals(name).lower().replace(" ", "") for name in pool]
        for pool in (people.givens, people.surnames)
    )
    named = _mixed(mail, 7) % 10 < 6
    tail = _mixed(mail, 8) % 3000
    domain = MAILS[_mixed(mail, 9) % len(MAILS)]
    values = np.array([
        f"{firsts[g]}.{lasts[s]}{t if t > 900 else ''}@{d}" if n else f"{firsts[g][:3]}{_word(m)}@{d}"
        for g, s, t, d, n, m in zip(people.given[owner, 0], people.birth[owner], tail, domain, named, mail, strict=True)
    ], dtype=object)  # fmt: skip
    errors.make(random, values, rates.name_typed_wrong, errors.typed_wrong)
    return _drop(random, values, rates.no_mail)


def _word(number: int) -> str:
    return f"{number * 2_654_435_761 % 2**36:x}"
