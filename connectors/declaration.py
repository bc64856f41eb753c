"""The grammar of ``connectors/partners/<flow>.yml``: who, which way, by what protocol, in what format."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.formats import Api, Complete, ControlTotal, Deliver, Format, FullPicture
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path


class Flow(BaseModel):
    """One partner, one direction, one protocol, one format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    partner: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    direction: Literal["in", "out"]
    label: str
    connection: str
    protocol: Literal["sftp", "folder", "api"]
    folder: str = "."
    pattern: str = "*"
    complete: Complete = Complete()
    poll_every: float = Field(default=1.0, ge=0.1, le=3600, description="seconds between two looks")
    format: Format | None = None
    order_by: tuple[str, ...] = ()
    reference_date: str | None = None
    full_picture: FullPicture | None = None
    control_total: ControlTotal | None = None
    api: Api | None = None
    deliver: Deliver | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.direction == "in" and self.format is None:
            raise ValueError("an incoming flow needs a format block")
        if self.protocol == "api" and self.api is None:
            raise ValueError("an API flow needs an api block")
        if self.direction == "out" and self.protocol != "api" and self.deliver is None:
            raise ValueError("an outgoing file flow needs a deliver block")
        return self


def load_flows(folder: Path | None = None) -> dict[str, Flow]:
    """Every declared flow by name.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    place: Traversable = folder or files("connectors").joinpath("partners")
    found: dict[str, Flow] = {}
    faults: list[str] = []
    for file in sorted(place.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".yml"):
            continue
        flow = _load(file, faults)
        if flow is not None:
            found[flow.flow] = flow
    if faults:
        raise FixTheDeclaration("\n".join(faults))
    return found


def _load(file: Traversable, faults: list[str]) -> Flow | None:
    name = f"connectors/partners/{file.name}"
    try:
        given: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        flow = Flow.model_validate(given)
    except yaml.YAMLError as error:
        faults.append(f"{name}: not YAML: {str(error).splitlines()[0]}")
        return None
    except ValidationError as error:
        faults += [
            f"{name}: {'.'.join(str(part) for part in each['loc']) or 'file'}: {each['msg']}" for each in error.errors()
        ]
        return None
    if f"{flow.flow}.yml" != file.name:
        faults.append(f"{name}: flow: is {flow.flow!r}; name the file {flow.flow}.yml.")
    return flow
