"""Names as people type them, and what may be compared of them."""

from __future__ import annotations

import pytest

from hub.identity.french.names import first_names, second_half, surname, surnames
from hub.identity.french.text import letters, repaired, sounding, words


@pytest.mark.parametrize(
    ("misread", "meant"),
    [
        ("LefÃ¨vre", "Lefèvre"),
        ("LefÃƒÂ¨vre", "Lefèvre"),
        ("HÃ‰LÃˆNE", "HÉLÈNE"),
        ("Ã‡elik", "Çelik"),
        ("GaÃ\xablle", "Gaëlle"),
        ("Bâle", "Bâle"),
        ("Ãlvares", "Ãlvares"),
        ("МАРТИН", "MAPTИH"),
    ],
)
def test_text_read_in_the_wrong_encoding_is_put_right(misread, meant):
    assert repaired(misread) == meant


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Œuvrard-Læti", "OEUVRARD LAETI"), ("  d'Hondt ", "D HONDT"), ("Straße", "STRASSE"), ("", None), ("--", None)],
)
def test_letters_lose_accents_and_marks(written, kept):
    assert letters(written) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PHILIPPE", "FILIPPE"),
        ("OUSMANE", "USMANE"),
        ("MOHAMMED", "MOHAMED"),
        ("YOUSSEF", "IUSEF"),
        ("TRAORE", "TRAORRE"),
        ("CHEIKH", "SHEIK"),
        ("KHADIJA", "KADIDJA"),
        ("THOMAS", "TOMAS"),
    ],
)
def test_transliterations_of_a_name_sound_the_same(one, other):
    assert sounding(one) == sounding(other)


@pytest.mark.parametrize(
    ("one", "other"), [("MARTIN", "MARTEL"), ("LEA", "LENA"), ("DIALLO", "DIARRA"), ("LUCAS", "LUCIE")]
)
def test_different_names_do_not_sound_the_same(one, other):
    assert sounding(one) != sounding(other)


@pytest.mark.parametrize(
    ("birth", "usage", "found"),
    [
        ("MARTIN", None, ("MARTIN", None)),
        ("MARTIN", "DUPONT", ("MARTIN", "DUPONT")),
        ("MARTIN", "Martin", ("MARTIN", None)),
        ("DUPONT (née MARTIN)", None, ("MARTIN", "DUPONT")),
        ("DUPONT née MARTIN", "", ("MARTIN", "DUPONT")),
        ("DUPONT NEE MARTIN", None, ("MARTIN", "DUPONT")),
        ("MARTIN épouse DUPONT", None, ("MARTIN", "DUPONT")),
        ("Martin ep. Dupont", None, ("MARTIN", "DUPONT")),
        ("MARTIN veuve DUPONT", None, ("MARTIN", "DUPONT")),
        (None, "DUPONT (née MARTIN)", ("MARTIN", "DUPONT")),
        (None, "DUPONT", ("DUPONT", None)),
        ("Mme MARTIN", None, ("MARTIN", None)),
        ("INCONNU", "DUPONT", ("DUPONT", None)),
        ("NR", "", (None, None)),
    ],
)
def test_birth_and_usage_names_are_told_apart(birth, usage, found):
    born, used = surnames(birth, usage)

    assert (born and born.whole, used and used.whole) == found


@pytest.mark.parametrize(
    ("written", "whole", "bare"),
    [
        ("de la Fontaine", "DELAFONTAINE", "FONTAINE"),
        ("LE GOFF", "LEGOFF", "GOFF"),
        ("Ben Ali", "BENALI", "ALI"),
        ("El-Amrani", "ELAMRANI", "AMRANI"),
        ("D'Almeida", "DALMEIDA", "ALMEIDA"),
        ("Saint-Martin", "SAINTMARTIN", "MARTIN"),
        ("LE", "LE", "LE"),
    ],
)
def test_a_name_is_kept_whole_and_without_its_particles(written, whole, bare):
    name = surname(written)

    assert (name.whole, name.bare) == (whole, bare)


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("Jean-Pierre", ("JEAN", "PIERRE")),
        ("JEAN PIERRE", ("JEAN", "PIERRE")),
        ("Marie, Anne , Zoé", ("MARIE", "ANNE", "ZOE")),
        ("M. Paul", ("PAUL",)),
        ("Marie Marie", ("MARIE",)),
        ("Sans prénom", ()),
        (None, ()),
    ],
)
def test_first_names_are_words_in_their_order(written, given):
    assert first_names(written) == given


def test_figures_are_no_part_of_a_name():
    assert words("Martin2") == ["MARTIN"]


@pytest.mark.parametrize(
    ("written", "half"),
    [
        ("Marie-Claude", "CLAUDE"),
        ("MARIE-CLAUDE, ANNE", "CLAUDE"),
        ("Marie Claude", None),
        ("Mme Anne-Marie Sophie", "MARIE"),
        ("Anne, Marie-Claude", None),
        ("Marie\u2010Line Zoé", "LINE"),
        ("Jean - Pierre", None),
        ("-", None),
        (None, None),
    ],
)
def test_a_hyphen_joins_a_second_half_to_the_first_name(written, half):
    assert second_half(written) == half
