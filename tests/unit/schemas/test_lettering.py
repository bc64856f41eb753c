"""Letters are put right only where that cannot be wrong, and every repair has a name."""

from __future__ import annotations

import pytest

from schemas.lettering import mend


@pytest.mark.parametrize(
    ("received", "meant", "repairs"),
    [
        ("LefÃ¨vre", "Lefèvre", ("accents_doubles",)),
        ("lâ€™Œuvre", "lâ€™Œuvre", ()),  # half right: nobody can tell
        ("bÅ“uf", "bœuf", ("accents_doubles",)),
        ("Lefe\u0300vre", "Lefèvre", ("lettres_decomposees",)),
        ("Le\u200bfèvre", "Lefèvre", ("caracteres_invisibles",)),
        ("a\0b", "ab", ("caracteres_invisibles",)),
        ("Van\u00a0Damme", "Van\u00a0Damme", ()),
        ("a\tb", "a\tb", ()),
    ],
)
def test_a_text_is_put_right(received, meant, repairs):
    assert mend(received) == (meant, repairs)


@pytest.mark.parametrize("text", ["SÃO PAULO", "ÉŒ", "Lefèvre", "«é»", "Â", "王小明", "Łódź", "D’HONDT"])
def test_a_text_that_is_right_is_left_alone(text):
    assert mend(text) == (text, ())
