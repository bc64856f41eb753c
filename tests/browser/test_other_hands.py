"""The four things that wait in the morning are found from the first page and dealt with, without a mouse, and on a phone."""

from __future__ import annotations

import pytest
from dealing import FOUR
from doing import focus

pytestmark = pytest.mark.integration
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def month(copies):
    """A hub that no other test has worked on."""
    with copies() as found:
        yield found


class Keyboard:
    """Goes from place to place by the Tab key."""

    def __init__(self, page):
        self.page = page

    def press(self, words):
        focus(self.page, words)
        self.page.keyboard.press("Enter")

    def write(self, field, words):
        focus(self.page, "", field=field)
        self.page.keyboard.type(words)


class Finger:
    """Touches what is in reach; whatever is hidden beside the screen cannot be."""

    def __init__(self, page):
        self.page = page

    def press(self, words):
        found = self.page.locator("a, button, summary").filter(has_text=words).first
        found.scroll_into_view_if_needed()
        box = found.bounding_box()
        assert box["x"] >= 0, words
        assert box["x"] + box["width"] <= 320, f"{words} is not wholly on the screen"
        assert min(box["width"], box["height"]) >= 20, f"{words} is too small for a finger"
        found.tap()

    def write(self, field, words):
        self.page.locator(field).tap()
        self.page.keyboard.type(words)


@pytest.mark.parametrize(("hand", "window"), [(Keyboard, {}), (Finger, PHONE)], ids=["keyboard", "phone"])
def test_the_four_things_that_wait_are_found_and_dealt_with(hub, sign_in, shoot, hand, window):
    page = sign_in("tous", **window)
    for deal in FOUR:
        deal(page, hub, hand(page))
        shoot(page, f"autres-mains-{hand.__name__.lower()}-{deal.__name__}")
