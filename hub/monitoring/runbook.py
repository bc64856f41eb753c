"""The runbook: for each kind of alarm what it means, what to look at, what to do. One text for screens, terminal and docs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, RootModel

from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = "docs/runbook.md"


class Entry(BaseModel):
    """One kind of alarm, in French, for an operator: what to do at a terminal, and ``here``, on the screens.

    A ``notice`` asks for nothing: it is there to be known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    means: str
    look: str
    do: str
    here: str
    notice: bool = False


class Runbook(RootModel[dict[str, Entry]]):
    """Every kind of alarm there is."""

    def title(self, kind: str) -> str:
        """How a kind is called on screen; a kind nobody wrote about is shown as it is."""
        entry = self.root.get(kind)
        return entry.title if entry else kind

    def is_notice(self, kind: str) -> bool:
        """Whether a kind asks for nothing."""
        return kind in self.root and self.root[kind].notice

    def entry(self, kind: str) -> Entry:
        """What to do about a kind; raises ``FixTheDeclaration`` listing the known ones."""
        if kind not in self.root:
            raise FixTheDeclaration(f"No alarm is called {kind!r}. Known: {', '.join(sorted(self.root))}.")
        return self.root[kind]

    def markdown(self) -> str:
        """The whole as a page of ``docs/``; each kind has its own anchor."""
        lines = [
            "# Que faire d'une alerte",
            "",
            "Fichier produit par `hub alarms publish` à partir de `hub/monitoring/runbook.yml` : ne pas modifier à la main.",
        ]
        for kind, entry in self.root.items():
            lines += ["", f"## {kind}", "", f"**{entry.title}.** {entry.means}", ""]
            lines += [f"- *À l'écran* : {entry.here}", f"- *Regarder* : {entry.look}", f"- *Faire* : {entry.do}"]
        return "\n".join(lines) + "\n"


@cache
def runbook() -> Runbook:
    """The runbook that ships with the hub."""
    return Runbook.model_validate(
        yaml.safe_load(files("hub.monitoring").joinpath("runbook.yml").read_text(encoding="utf-8"))
    )


def publish(root: Path) -> Path:
    """Write the page into the repository."""
    path = root / PUBLISHED
    path.write_text(runbook().markdown(), encoding="utf-8")
    return path
