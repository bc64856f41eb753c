"""The runbook says what to do about every alarm there is, and the page in docs is the one it makes."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import hub
import quality
from hub.monitoring.oversight import MISSING, NOTICES_ONLY, STATES
from hub.monitoring.runbook import PUBLISHED, runbook
from hub.monitoring.watch import JOURNAL_BROKEN, STANDING
from quality.wording import MEASURED
from schemas.errors import FixTheDeclaration

ROOT = Path(__file__).parents[2]


def findings_in_code():
    """The names given to ``_finding`` and to drift, read from the source."""
    names = set()
    for path in (Path(hub.__file__).parent / "intake" / "conclude.py", Path(quality.__file__).parent / "drift.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant):
                names.add(node.elts[0].value)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_finding":
                names |= {each.value for each in node.args[:1] if isinstance(each, ast.Constant)}
    return {name for name in names if isinstance(name, str) and "_" in name}


def alarms_in_code():
    """The kinds given to ``Alarm`` in every module of the hub; a constant is looked up where it is used."""
    for path in Path(hub.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        given = [
            keyword.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Alarm"
            for keyword in node.keywords
            if keyword.arg == "kind"
        ]
        module = ".".join(path.relative_to(Path(hub.__file__).parents[1]).with_suffix("").parts)
        for value in given:
            if isinstance(value, ast.Constant):
                yield value.value
            elif isinstance(value, ast.Name) and value.id.isupper():
                yield getattr(importlib.import_module(module), value.id)


def test_every_alarm_there_is_has_its_entry():
    kinds = {MISSING, *STATES.values(), *STANDING, JOURNAL_BROKEN, *MEASURED, *findings_in_code(), *alarms_in_code()}
    kinds -= NOTICES_ONLY

    assert "colonne_renommee" in kinds
    assert kinds - runbook().root.keys() == set()
    assert runbook().root.keys() - kinds == set()


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the repository's page is not beside this test")
def test_the_page_in_docs_is_the_one_it_makes():
    assert (ROOT / PUBLISHED).read_text(encoding="utf-8") == runbook().markdown()


def test_a_kind_nobody_wrote_about_is_named_with_the_known_ones():
    assert runbook().title("inconnue") == "inconnue"
    with pytest.raises(FixTheDeclaration, match=r"Known: .*livraison_manquante"):
        runbook().entry("inconnue")
