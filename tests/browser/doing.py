"""What the browser tests do and ask, whatever the page."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text


def asked(hub, statement, **given):
    with hub.engine.connect() as connection:
        return connection.execute(text(statement), given).scalars().all()


def until(page, words, *, hidden=False):
    """Look again until a page says something, or holds it for who does not see."""
    for _ in range(40):
        if words in (page.text_content("main") if hidden else page.inner_text("main")):
            return
        page.wait_for_timeout(250)
        page.goto(page.url.partition("?")[0])
    pytest.fail(f"the page never said {words!r}")


def figures(page, where):
    """A list of figures as name to figure."""
    pairs = page.locator(f"{where} > div").all()
    return {plain(pair.locator("dt").inner_text()): plain(pair.locator("dd").inner_text()) for pair in pairs}


def plain(words):
    """Without the unbreakable spaces of French."""
    return re.sub(r"\s", " ", words)


def focus(page, words, field=None):
    """Go to a link, a button or a field by the Tab key, as somebody without a mouse does."""
    is_there = "([words, field]) => field ? document.activeElement.matches(field) : (document.activeElement.matches('a, button, summary') && document.activeElement.innerText.includes(words))"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(is_there, [words, field]):
            return
    pytest.fail(f"the Tab key never reaches {words!r}")


def everything(hub):
    """How many rows each thing that a delivery moves has."""
    tables = (
        "source_version",
        "movement",
        "link",
        "person",
        "message",
        "disclosure",
        "told",
        "review_case",
        "quarantine",
    )
    return {table: asked(hub, f"select count(*) from {table}")[0] for table in tables} | {
        "states": asked(hub, "select state || count(*) from delivery group by state order by state"),
        "dossiers": asked(
            hub, "select md5(string_agg(encode(content_hash, 'hex'), '' order by person_id)) from dossier"
        ),
    }
