"""The mapping engine: a frame of a partner's columns in, a frame of common fields out; nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from mappings.converters import CONVERTERS, TAKES_LISTS, Unconvertible
from mappings.renderers import RENDERERS
from schemas.codes import code_lists, codes_in
from schemas.lettering import mend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mappings.declaration import FieldRule, InMapping, OutMapping, XmlLayout

REJECT_COLUMNS = ("record", "unit", "field", "rule", "hint")
UNIT, KEY, AS_OF = "#unit", "#key", "#as_of"
UNREADABLE = "Cette valeur n'a pas pu être lue : la vérifier."
LONGEST_VALUE, LONGEST_CODE, MOST_UNKNOWN, MOST_ENTRIES = 500, 60, 200, 100
TOO_LONG = "Valeur démesurée : vérifier que les colonnes ne sont pas décalées."
NOT_TEXT = "Une valeur simple est attendue ici, pas une liste ni un objet."
NO_KEY = "L'identifiant de la personne chez le partenaire est incomplet : renseigner les champs qui la désignent."


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """What mapping a chunk gave.

    ``frame`` keeps the index and ``#unit`` of the chunk, adds ``#key`` and ``#as_of``, and has one column per mapped
    field (None where absent). ``rejects`` has one row per refused value. Counters hold no value of a person.
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    repairs: Counter[str]
    unknown_codes: Counter[tuple[str, str]]


def normalise(mapping: InMapping, frame: pd.DataFrame, context: Mapping[str, str]) -> Normalised:
    """Map a chunk. ``context`` holds the delivery's header and ``#delivery_date``."""
    repairs: Counter[str] = Counter()
    unknown: Counter[tuple[str, str]] = Counter()
    rejects: list[tuple[int, int, str, str, str]] = []
    units = frame[UNIT].tolist()
    records = frame.index.tolist()
    given = {column: [_mended(value, repairs) for value in frame[column].tolist()] for column in mapping.columns}
    columns: dict[str, list[Any]] = {}
    for path, rule in mapping.fields.items():
        values, faults = _map_field(rule, given, len(frame))
        if rule.codes:
            _count_unknown(rule.codes, values, unknown)
        columns[path] = values
        if faults and rule.on_error == "drop":
            repairs[f"{path}:{rule.convert}"] += len(faults)
        else:
            rejects += [(records[place], units[place], path, rule.convert, hint) for place, hint in faults]
    keys = [_key(parts) for parts in zip(*(columns[path] for path in mapping.key), strict=True)]
    named = {reject[0] for reject in rejects}
    rejects += [
        (record, unit, "#key", "cle_incomplete", NO_KEY)
        for record, unit, key in zip(records, units, keys, strict=True)
        if key is None and record not in named
    ]
    data = {UNIT: units, KEY: keys, AS_OF: _as_of(mapping, columns, context, len(records)), **columns}
    mapped = {
        name: pd.Series(cells, index=frame.index, dtype="int64" if name == UNIT else "object")
        for name, cells in data.items()
    }
    return Normalised(
        frame=pd.DataFrame(mapped, index=frame.index),
        rejects=pd.DataFrame(rejects, columns=list(REJECT_COLUMNS)),
        repairs=repairs,
        unknown_codes=unknown,
    )


def _mended(value: Any, repairs: Counter[str]) -> Any:
    """The value with its letters put right, each repair counted; one that is nothing else is absent."""
    if isinstance(value, str):
        text, made = mend(value)
        if not made:
            return text or None
        repairs.update(made)
        return text.strip() or None
    if isinstance(value, list):
        return [_mended(each, repairs) for each in value]
    if isinstance(value, dict):
        return {key: _mended(each, repairs) for key, each in value.items()}
    return value


def _map_field(
    rule: FieldRule, columns: Mapping[str, list[Any]], count: int
) -> tuple[list[Any], list[tuple[int, str]]]:
    if not rule.sources:
        return [rule.value] * count, []
    convert = _guarded(_with_table(CONVERTERS[rule.convert], rule.table), lists=rule.convert in TAKES_LISTS)
    sources = [columns[source] for source in rule.sources]
    given: Sequence[Any] = sources[0] if isinstance(rule.source, str) else list(zip(*sources, strict=True))
    values: list[Any] = []
    faults: list[tuple[int, str]] = []
    known: dict[Any, Any] = {}
    for place, value in enumerate(given):
        if value is None or (isinstance(value, tuple) and not any(value)):
            values.append(None)
            continue
        try:
            values.append(_once(convert, value, known))
        except Unconvertible as error:
            values.append(None)
            faults.append((place, str(error)))
        except Exception:  # noqa: BLE001 - a converter that breaks on a value must not stop the others, nor quote it
            values.append(None)
            faults.append((place, UNREADABLE))
    return values, faults


def _guarded(convert: Callable[[Any], Any], *, lists: bool) -> Callable[[Any], Any]:
    """The converter, never given what it was not made for: a value without measure, or a list where a text is due."""

    def guarded(value: Any) -> Any:
        if isinstance(value, str) and len(value) <= LONGEST_VALUE:
            return convert(value)
        for part in value if isinstance(value, tuple) else (value,):
            _refuse_without_measure(part, lists=lists)
        return convert(value)

    return guarded


def _refuse_without_measure(part: Any, *, lists: bool) -> None:
    if isinstance(part, list | dict):
        if not lists:
            raise Unconvertible(NOT_TEXT)
        if len(part) > MOST_ENTRIES:
            raise Unconvertible(TOO_LONG)
    if any(len(text) > LONGEST_VALUE for text in _texts(part)):
        raise Unconvertible(TOO_LONG)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _once(convert: Callable[[Any], Any], value: Any, known: dict[Any, Any]) -> Any:
    """Convert each distinct value once; lists have no hash and are converted each time."""
    try:
        return known[value]
    except TypeError:
        return convert(value)
    except KeyError:
        converted = known[value] = convert(value)
        return converted


def _with_table(convert: Callable[[Any], Any], table: Mapping[str, Any]) -> Callable[[Any], Any]:
    if not table:
        return convert

    def translate(value: Any) -> Any:
        converted = convert(value)
        return table.get(converted, converted) if isinstance(converted, str) else converted

    return translate


def _count_unknown(codes: str, values: list[Any], unknown: Counter[tuple[str, str]]) -> None:
    known = code_lists()[codes]
    for value in values:
        if value is None:
            continue
        for code in codes_in(value):
            shown = known.shown(code)[:LONGEST_CODE]
            if not known.known(code) and ((codes, shown) in unknown or len(unknown) < MOST_UNKNOWN):
                unknown[codes, shown] += 1


def _key(parts: tuple[Any, ...]) -> str | None:
    first = [part[0] if isinstance(part, list) else part for part in parts]
    return None if any(part is None for part in first) else "|".join(_within(str(part)) for part in first)


def _within(part: str) -> str:
    """A part of a key: what parts them is marked where it stands in one."""
    return part.replace("\\", "\\\\").replace("|", "\\|") if "|" in part else part


def _as_of(mapping: InMapping, columns: dict[str, list[Any]], context: Mapping[str, str], count: int) -> list[Any]:
    default = _day(context.get(mapping.as_of.header or "", "")) or context["#delivery_date"]
    if mapping.as_of.field is None:
        return [default] * count
    return [value or default for value in columns[mapping.as_of.field]]


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def render(mapping: OutMapping, flats: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Write flat records in an outgoing layout; an absent field is an empty cell."""
    return [
        {
            column.column: RENDERERS[column.render](flat[column.path]) if flat.get(column.path) is not None else ""
            for column in mapping.columns
        }
        for flat in flats
    ]


def withdrawn(mapping: OutMapping, flat: Mapping[str, Any]) -> list[str]:
    """The columns whose value, told before, holds no more: their cells are as empty as those of which nothing is said."""
    return [column.column for column in mapping.columns if column.path in flat and flat[column.path] is None]


def render_elements(layout: XmlLayout, flats: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Write flat records as the elements of an outgoing XML layout; an absent field is no element, one withdrawn an empty one."""
    return [
        {
            each.element: RENDERERS[each.render](flat[each.path]) if flat[each.path] is not None else ""
            for each in layout.elements
            if each.path in flat
        }
        for flat in flats
    ]


def render_body(mapping: OutMapping, name: str, flat: Mapping[str, Any]) -> dict[str, Any] | None:
    """Write one API body; None when a field it cannot do without is missing."""
    body: dict[str, Any] = {}
    for key, field in mapping.bodies[name].items():
        value = field.value if field.path is None else flat.get(field.path)
        if value is None:
            if field.required:
                return None
            continue
        if field.path is not None:
            rendered = RENDERERS[field.render](value)
            value = field.table.get(rendered, rendered)
        body[key] = value
    return body
