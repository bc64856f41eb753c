"""An acknowledgement is read as it was written, however it was written; what is no answer is counted, not guessed."""

from __future__ import annotations

import io
from uuid import UUID

import pytest

from hub.sharing.acknowledgements import answers_in

ONE = UUID(int=1)
HEADER = "message_id;statut;code;libelle\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(f"{ONE};OK;0000;Pris en compte", (ONE, True, None), id="taken"),
        pytest.param(f"{ONE};KO;3436;Déjà reçu", (ONE, True, None), id="already taken"),
        pytest.param(f"{ONE};KO;E_INCONNU;Personne inconnue", (ONE, False, "code E_INCONNU"), id="refused"),
        pytest.param(f" {ONE} ; ok ; 0000 ", (ONE, True, None), id="spaces and small letters"),
        pytest.param(f"{ONE};KO", (ONE, False, "code illisible"), id="refused without a code"),
        pytest.param(f"{ONE};KO;Mme Vérité;", (ONE, False, "code illisible"), id="a sentence where a code should be"),
        pytest.param(f"{ONE}", None, id="cut short"),
        pytest.param(f"{ONE};;;", None, id="no status"),
        pytest.param("pas-un-identifiant;OK;0000;", None, id="no message"),
        pytest.param("\0;\ufffd;;", None, id="noise"),
    ],
)
def test_a_line_is_an_answer_or_it_is_not(line, expected):
    answers = list(answers_in(io.BytesIO((HEADER + line + "\n").encode())))

    assert answers == [expected]


def test_a_file_saved_by_a_spreadsheet_reads_the_same():
    content = ("\ufeff" + HEADER + f'{ONE};OK;0000;"Pris; en compte"\n').replace("\n", "\r\n").encode()

    assert list(answers_in(io.BytesIO(content))) == [(ONE, True, None)]


def test_bytes_that_are_not_text_do_not_stop_the_others():
    content = HEADER.encode() + b"\xff\xfe;OK;0000;\n" + f"{ONE};OK;0000;d\xe9j\xe0\n".encode("latin-1")

    assert list(answers_in(io.BytesIO(content))) == [None, (ONE, True, None)]


def test_a_monstrous_cell_does_not_stop_the_others():
    content = f"{HEADER}{ONE};KO;{'x' * 200_000};\n{ONE};OK;0000;\n".encode()

    assert list(answers_in(io.BytesIO(content))) == [None, (ONE, True, None)]


@pytest.mark.parametrize("content", [b"", HEADER.encode(), b"\n\n"])
def test_a_file_without_answers_has_none(content):
    assert list(answers_in(io.BytesIO(content))) == []
