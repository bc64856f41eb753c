"""Everything a command or a task needs, put together on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from hub.settings import Settings, load_settings
from hub.storage.raw import RawStore
from hub.storage.store import open_store
from hub.storage.vault import Vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Mapping as Table

    from sqlalchemy import Engine

    from connectors.base import Connector
    from connectors.declaration import Flow
    from hub.identity.matching import Matching
    from hub.sharing.agreements import Agreement
    from hub.storage.signing import Signer
    from mappings.declaration import InMapping, OutMapping
    from quality.declaration import Quality
    from schemas.errors import FixTheDeclaration


M = TypeVar("M")
READ_AGAIN = frozenset({"declared_agreements", "approved_agreements", "agreements"})


@dataclass(frozen=True)
class Hub:
    """The hub, opened: settings, store, keys and declarations. Heavy parts load when first used."""

    settings: Settings

    @cached_property
    def engine(self) -> Engine:
        return open_store(self.settings)

    @cached_property
    def vault(self) -> Vault:
        embedded = self.settings.database_url is None
        return open_vault(self.settings.keys, create=embedded)

    @property
    def signer(self) -> Signer:
        """What signs the journal now: another key may take over while a process runs."""
        from hub.storage.signing import open_signer  # noqa: PLC0415

        return open_signer(self.settings.signing_key, create=self.settings.database_url is None)

    @property
    def can_sign(self) -> bool:
        """Whether there is a key to sign with, or one may be made."""
        return self.settings.database_url is None or self.settings.signing_key.exists()

    @property
    def handovers(self) -> list[dict[str, Any]]:
        """How one signing key took over from another, oldest first."""
        from hub.storage.outside import read_copies  # noqa: PLC0415

        return read_copies(self.settings.handovers)

    @property
    def public_key(self) -> bytes | None:
        """What the journal's signatures are verified with; nothing where the hub has no signing key yet."""
        return self.signer.public if self.settings.signing_key.exists() else None

    @cached_property
    def raw(self) -> RawStore:
        return RawStore(self.settings.raw, self.vault)

    @cached_property
    def flows(self) -> dict[str, Flow]:
        from connectors.declaration import load_flows  # noqa: PLC0415

        return load_flows(self.settings.partners_dir)

    @cached_property
    def mappings(self) -> dict[str, InMapping | OutMapping]:
        from mappings.declaration import load_mappings  # noqa: PLC0415

        return load_mappings()

    @cached_property
    def qualities(self) -> dict[str, Quality]:
        from quality.declaration import load_quality  # noqa: PLC0415

        return load_quality()

    @cached_property
    def declared_agreements(self) -> Table[str, Agreement]:
        from hub.sharing.agreements import load_agreements  # noqa: PLC0415

        return load_agreements(self.settings.agreements_dir)

    @cached_property
    def approved_agreements(self) -> Table[str, Agreement]:
        """The declared agreements by title, as far as they were approved."""
        from hub.sharing.approval import in_force  # noqa: PLC0415

        return in_force(self.engine, self.declared_agreements)

    @cached_property
    def agreements(self) -> Table[str, Agreement]:
        """What may be shared with each partner, whatever the purpose."""
        from hub.sharing.agreements import by_partner  # noqa: PLC0415

        return by_partner(self.approved_agreements)

    def again(self) -> Hub:
        """The same, without the agreements it has read: what lives long must not go on by one that was narrowed since."""
        other = Hub(self.settings)
        known = dict(vars(self))  # at once: another thread may be opening a part of it
        vars(other).update({name: part for name, part in known.items() if name not in READ_AGAIN})
        return other

    @cached_property
    def matching(self) -> Matching:
        from hub.identity.matching import read_matching  # noqa: PLC0415

        spark = self.settings.spark_master if self.settings.match_engine == "spark" else None
        return read_matching(self.settings.match_model, spark=spark)

    def in_mapping(self, flow: str) -> InMapping:
        """How an incoming flow's columns become ours."""
        from mappings.declaration import InMapping  # noqa: PLC0415

        return self._mapping(flow, InMapping)

    def out_mapping(self, flow: str) -> OutMapping:
        """How our fields become an outgoing flow's columns."""
        from mappings.declaration import OutMapping  # noqa: PLC0415

        return self._mapping(flow, OutMapping)

    def _mapping(self, flow: str, kind: type[M]) -> M:
        mapping = self.mappings.get(flow)
        if not isinstance(mapping, kind):
            raise _unknown("mapping for the flow", flow, self.mappings)
        return mapping

    def flow(self, name: str) -> Flow:
        """A declared flow; raises ``FixTheDeclaration`` listing the known ones."""
        try:
            return self.flows[name]
        except KeyError:
            raise _unknown("flow", name, self.flows) from None

    def connect(self, flow: Flow) -> Connector:
        """Reach the partner of a file flow."""
        from connectors.opening import open_connector  # noqa: PLC0415

        return open_connector(flow, self.settings.access(flow.connection))


def _unknown(what: str, name: str, known: Table[str, object]) -> FixTheDeclaration:
    from schemas.errors import FixTheDeclaration  # noqa: PLC0415

    return FixTheDeclaration(f"No {what} is called {name!r}. Known: {', '.join(sorted(known))}.")


def open_hub(settings: Settings | None = None) -> Hub:
    """Open the hub with the settings of the environment, or those given."""
    return Hub(settings or load_settings())
