"""Every setting of the hub in one place; secrets come by name, from Airflow connections or from files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.base import Access
from schemas.errors import FixTheDeclaration


class Settings(BaseSettings):
    """Read from the environment (prefix ``HUB_``); every default works on a bare machine."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore")

    home: Path = Field(default=Path(".hub"), description="what the hub keeps on this machine")
    database_url: str | None = Field(default=None, description="PostgreSQL; unset: an embedded server under home")
    secrets_dir: Path | None = Field(
        default=None, description="one <connection>.json per partner; default home/secrets"
    )
    key_file: Path | None = Field(default=None, description="the master key; default home/keys/master.key")
    signing_key_file: Path | None = Field(
        default=None, description="the key the journal is signed with; default signing.key beside the master key"
    )
    checkpoints_file: Path | None = Field(
        default=None,
        description="a copy of the signed checkpoints, outside the database; default beside the signing key",
    )
    erasures_file: Path | None = Field(
        default=None, description="opaque ids of the erased, outside the database; default beside the signing key"
    )
    raw_dir: Path | None = Field(default=None, description="encrypted deliveries; default home/raw")
    partners_dir: Path | None = Field(default=None, description="declared flows; default: those of the package")
    agreements_dir: Path | None = Field(default=None, description="agreements; default: those of the package")
    chunk: int = Field(default=2000, ge=1, description="records in flight at once")
    hold_new_hours: float = Field(
        default=0, ge=0, description="how long nothing leaves about a person who has just appeared"
    )
    address: str | None = Field(default=None, description="where operators reach the screens; shown in what alarms say")
    alarm_emails: str = Field(default="", description="who is told of alarms, separated by commas")
    alarm_webhook: str | None = Field(
        default=None, description="Airflow connection of the address that is told of alarms"
    )
    metrics_token: str | None = Field(default=None, repr=False, description="what a monitor shows to read /metrics")
    watch_grace: float = Field(
        default=0,
        ge=0,
        description="seconds for which small deliveries are left to hub watch before Airflow takes them",
    )
    match_model: Path | None = Field(
        default=None,
        description="a matching model in force instead of the one that ships; hub reconcile --what-if shows its effect",
    )
    match_engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="what compares the pairs of hub match and of hub reconcile --full"
    )
    spark_master: str = Field(default="local[*]", description="where Spark runs, when it is the engine")
    rematch_limit: float = Field(
        default=0.01, ge=0, le=1, description="the share of persons a full match may merge or split without --yes"
    )
    retention_limit: float = Field(
        default=0.05, ge=0, le=1, description="the share of persons a night may archive or destroy without an operator"
    )
    review_two_above: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="how far a verdict may be from the model's chance before two people must agree",
    )
    token: str | None = Field(
        default=None,
        repr=False,
        description="who acts at this terminal, where two people are needed: hub users sign-in",
    )
    agent_name: str = Field(default="SYNCHRO", description="who the hub says it is in France Travail's access log")

    @property
    def secrets(self) -> Path:
        return self.secrets_dir or self.home / "secrets"

    @property
    def keys(self) -> Path:
        return self.key_file or self.home / "keys" / "master.key"

    @property
    def signing_key(self) -> Path:
        return self.signing_key_file or self.keys.with_name("signing.key")

    @property
    def checkpoints(self) -> Path:
        return self.checkpoints_file or self.signing_key.with_name("checkpoints.jsonl")

    @property
    def handovers(self) -> Path:
        """How one signing key took over from another, beside the checkpoints kept outside the database."""
        return self.checkpoints.with_name("handovers.jsonl")

    @property
    def erasures(self) -> Path:
        return self.erasures_file or self.signing_key.with_name("erasures.txt")

    @property
    def raw(self) -> Path:
        return self.raw_dir or self.home / "raw"

    def access(self, connection: str) -> Access:
        """How to reach a partner: ``AIRFLOW_CONN_<NAME>`` in JSON, else ``<secrets>/<name>.json``.

        Raises ``FixTheDeclaration`` naming both places when neither holds the connection.
        """
        variable = f"AIRFLOW_CONN_{connection.upper()}"
        file = self.secrets / f"{connection}.json"
        text = os.environ.get(variable)  # noqa: TID251 - this module is where settings are read
        if text is None and file.is_file():
            text = file.read_text(encoding="utf-8")
        if text is None:
            raise FixTheDeclaration(
                f"No connection {connection!r}: set {variable} (JSON) or write {file.name} in HUB_SECRETS_DIR."
            )
        try:
            return _access(connection, json.loads(text))
        except (ValueError, TypeError, AttributeError) as error:
            raise FixTheDeclaration(f"Connection {connection!r} is not the JSON object expected.") from error


def _access(name: str, given: dict[str, Any]) -> Access:
    extra = given.get("extra") or {}
    if isinstance(extra, str):  # Airflow stores it as text
        extra = json.loads(extra)
    port = given.get("port")
    return Access(
        name=name,
        host=str(given.get("host") or ""),
        port=int(port) if port else None,
        login=str(given.get("login") or ""),
        password=given.get("password"),
        extra={str(key): str(value) for key, value in extra.items()},
    )


def load_settings() -> Settings:
    """Read the settings once, where a command or a task begins."""
    return Settings()
