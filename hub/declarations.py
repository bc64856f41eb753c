"""Every declaration of the hub, checked together: what loads alone may still not fit the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any


def faults(partners_dir: Path | None = None) -> list[str]:
    """Every fault of every YAML, each naming file, field and fix; empty when all is right."""
    from connectors.declaration import load_flows  # noqa: PLC0415 - the loaders are heavy
    from hub.sharing.agreements import load_agreements  # noqa: PLC0415
    from hub.sharing.meter import load_forms  # noqa: PLC0415
    from mappings.declaration import load_mappings  # noqa: PLC0415
    from quality.declaration import load_quality  # noqa: PLC0415

    found: list[str] = []
    flows = _load(lambda: load_flows(partners_dir), found)
    mappings = _load(load_mappings, found)
    qualities = _load(load_quality, found)
    agreements = _load(load_agreements, found)
    _load(load_forms, found)
    if not found:
        found.extend(_misfits(flows, mappings, qualities, agreements))
    return found


def _load(load: Callable[[], Any], found: list[str]) -> Any:
    try:
        return load()
    except FixTheDeclaration as error:
        found.extend(str(error).splitlines())
        return {}


def _misfits(flows: Any, mappings: Any, qualities: Any, agreements: Any) -> Iterator[str]:
    for name, flow in flows.items():
        if name not in mappings:
            yield f"mappings/partners/{name}.yml: missing; write how the columns of {name} map to the common record."
        if flow.direction == "in" and name not in qualities:
            yield f"quality/partners/{name}.yml: missing; write what is acceptable in {name}."
    for name in mappings.keys() - flows.keys():
        yield f"connectors/partners/{name}.yml: missing; mappings/partners/{name}.yml maps a flow nobody declares."
    yield from _agreement_misfits(flows, mappings, agreements)


def _agreement_misfits(flows: Any, mappings: Any, agreements: Any) -> Iterator[str]:
    from hub.sharing.agreements import by_partner  # noqa: PLC0415 - the loaders are heavy
    from hub.sharing.contract import beyond  # noqa: PLC0415
    from mappings.declaration import OutMapping  # noqa: PLC0415

    whole = by_partner(agreements)
    for title, agreement in agreements.items():
        expected = whole[agreement.partner].out_flow
        if agreement.out_flow not in flows:
            yield f"hub/sharing/agreements/{title}.yml: out_flow: {agreement.out_flow} is not a declared flow."
        elif agreement.out_flow != expected:
            yield f"hub/sharing/agreements/{title}.yml: out_flow: {agreement.partner} has another, {expected}; use one for all its purposes."
    for partner, agreement in whole.items():
        mapping = mappings.get(agreement.out_flow)
        if isinstance(mapping, OutMapping):
            for path in beyond(agreement, mapping):
                yield f"mappings/partners/{mapping.flow}.yml: {path}: the agreement with {partner} does not name it; take it out."
