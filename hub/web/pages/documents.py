"""Qualité, documents: Great Expectations' Data Docs, composed on demand and shown within the screens: same door, same policy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from lxml import html
from markupsafe import Markup
from starlette.responses import Response

from hub.web import french
from hub.web.gate import Staff
from hub.web.rendering import go, render
from hub.web.screens import Screens, here
from hub.web.suite_docs import write_suite_docs_apart
from schemas.errors import FixTheDeclaration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.opening import Hub

router = APIRouter()
Here = Annotated[Screens, Depends(here)]
INDEX = "index.html"
HEADINGS = {"h5": "h2", "h6": "h3"}


@router.post("/qualite/documents", name="documents_composer")
def compose(request: Request, screens: Here, me: Staff) -> Response:  # noqa: ARG001 - it guards
    """Write the pages again, after the answer: it takes some ten seconds, in a process of its own."""
    screens.afterwards.do("documents", lambda: write_suite_docs_apart(screens.hub, folder(screens.hub)))
    return go(request, "qualite", said="documents_demandes")


@router.get("/qualite/documents/{path:path}", name="document")
def document(request: Request, screens: Here, me: Staff, path: str) -> Response:  # noqa: ARG001 - it guards
    """One of the pages, within ours. Nothing of it is run, and nothing loaded from elsewhere."""
    home = folder(screens.hub).resolve()
    try:
        asked = (home / path).resolve()
        found = asked.is_relative_to(home) and asked.suffix == ".html" and asked.is_file()
    except (OSError, ValueError):  # no file can be called that
        found = False
    if not found:
        raise FixTheDeclaration("There is no such page.")
    labels = {name: flow.label for name, flow in screens.hub.flows.items()}
    title, content = within(asked.read_text(encoding="utf-8"), labels=labels)
    return render(request, "qualite_document.html", title=title, content=content, is_index=path == INDEX)


def folder(hub: Hub) -> Path:
    """Where the pages are kept: they can be written again at any time."""
    return hub.settings.home / "documents"


def composed_at(hub: Hub) -> datetime | None:
    """When the pages were last written; None while they never were."""
    index = folder(hub) / INDEX
    return datetime.fromtimestamp(index.stat().st_mtime, tz=UTC) if index.is_file() else None


def within(page: str, *, labels: Mapping[str, str]) -> tuple[str, Markup]:
    """The title of a page and what stands under it, with headings in our order and its tables scrolling by themselves.

    Fields, flows and figures are written as on every other screen.
    """
    body: Any = html.document_fromstring(page).find("body")
    heading = body.find("h1")
    title = _title(heading.text_content() if heading is not None else "", labels)
    if heading is not None:
        heading.drop_tree()
    for gone in body.xpath(
        ".//thead[@hidden] | .//*[not(node()) and not(self::br) and not(self::td) and not(self::th)]"
    ):
        gone.drop_tree()
    for element in body.iter(*HEADINGS, "main"):
        element.tag = HEADINGS.get(element.tag, "div")
    for element in body.iter(html.etree.Element):
        element.text, element.tail = _written(element.text, labels), _written(element.tail, labels)
    for number, table in enumerate(body.xpath(".//table"), 1):
        _scrolling(table, number)
    return title, Markup(html.tostring(body, encoding="unicode").removeprefix("<body>").removesuffix("</body>"))  # noqa: S704 - written by us


def _title(title: str, labels: Mapping[str, str]) -> str:
    """« Livraisons / flux / livraison-10 / moment » as it would be said."""
    _, flow, *of_delivery = *title.split(" / "), "", ""
    if flow not in labels:
        return title
    number = of_delivery[0].partition("-")[2]
    return f"Livraison {number}, {labels[flow]}" if number else f"Ce qui est attendu de {labels[flow]}"


def _written(words: str | None, labels: Mapping[str, str]) -> str | None:
    if not words or not words.strip():
        return words
    return re.sub(r"(\d)%", r"\1 %", french.flows_named(french.told(words), labels))


def _scrolling(table: Any, number: int) -> None:
    box = html.Element("div", {"class": "wide", "role": "group", "tabindex": "0", "aria-label": f"Tableau {number}"})
    table.addprevious(box)
    box.append(table)
    for cell in table.xpath(".//thead//th"):
        cell.set("scope", "col")
