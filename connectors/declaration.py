"""The grammar of ``connectors/partners/<flow>.yml``: who, which way, by what protocol, in what format."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from connectors.formats import (
    Api,
    Complete,
    ControlTotal,
    Deliver,
    Expected,
    Format,
    FullPicture,
    Unpack,
    Webhook,
    spelt_out,
)
from schemas.yaml_files import Kind

if TYPE_CHECKING:
    from pathlib import Path


class Flow(BaseModel):
    """One partner, one direction, one protocol, one format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    partner: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    direction: Literal["in", "out"]
    label: str
    connection: str
    protocol: Literal["sftp", "folder", "api", "webhook"]
    folder: str = "."
    pattern: str = "*"
    named: str | None = Field(
        default=None, description="how the partner names its files, a regular expression: other names are not repeated"
    )
    complete: Complete = Complete()
    expected: tuple[Expected, ...] = ()
    rejects: str | None = Field(default=None, description="folder where the partner takes its refused records back")
    poll_every: float = Field(default=1.0, ge=0.1, le=3600, description="seconds between two looks")
    unpack: Annotated[Unpack | None, BeforeValidator(spelt_out)] = None
    format: Format | None = None
    order_by: tuple[str, ...] = ()
    header_key: tuple[str, ...] = ()
    reference_date: str | None = None
    full_picture: FullPicture | None = None
    control_total: ControlTotal | None = None
    api: Api | None = None
    deliver: Deliver | None = None
    webhook: Webhook | None = None

    @property
    def provider(self) -> str | None:
        """Whose rate budget and circuit breaker its calls share; None where nobody is called."""
        if self.protocol == "webhook":
            return f"webhook:{self.partner}"
        return self.api.provider if self.api is not None else None

    @field_validator("named")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        try:
            re.compile(text or "")
        except re.error:
            raise ValueError("not a regular expression") from None
        return text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.direction == "in" and self.format is None:
            raise ValueError("an incoming flow needs a format block")
        if self.protocol == "api" and self.api is None:
            raise ValueError("an API flow needs an api block")
        if self.protocol == "webhook" and (self.webhook is None or self.direction == "in"):
            raise ValueError("a webhook flow goes out, and needs a webhook block")
        if self.direction == "out" and self.protocol in {"sftp", "folder"} and self.deliver is None:
            raise ValueError("an outgoing file flow needs a deliver block")
        return self


def load_flows(folder: Path | None = None) -> dict[str, Flow]:
    """Every declared flow by name.

    Raises:
        FixTheDeclaration: one line per fault of every file, each naming file, field and fix.
    """
    kind = Kind(shown="connectors/partners", read=Flow.model_validate, named_by="flow")
    return kind.load(folder or files("connectors").joinpath("partners"))
