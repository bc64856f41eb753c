"""The table of verdicts, for auditors and for those who write partners' files: generated from the corpus."""

from __future__ import annotations

from itertools import chain

import corpus

HEAD = """# Entrées hostiles ou sales : ce que le hub en fait

Produit par `.venv/bin/python tests/hostile document` depuis `tests/hostile/cases` ; un test vérifie qu'il est à jour.
{count} cas, chacun joué jusque dans la base. Trois issues, et aucune autre :

- **appliquée** : les enregistrements sont pris, ce qui a été réparé est compté ;
- **en quarantaine** : l'enregistrement attend, avec son champ, sa règle et une phrase qui dit quoi corriger ; les autres sont pris ;
- **refusée** : rien n'est appliqué, une phrase dit quoi demander.

Les livraisons démesurées sont jouées dans un processus à part : chacune en moins d'une minute, le tout sous 700 Mo.
"""


def document():
    """The whole page."""
    parts = [HEAD.format(count=corpus.count())]
    parts += [_deliveries(name) for name in corpus.DELIVERIES]
    parts += [_values(), _bodies(), _names(), _outgoing()]
    return "\n".join(parts)


def _deliveries(name):
    cases = corpus.deliveries(name)
    rows = [(case["name"], _verdict(case)) for case in cases]
    return _table(f"{corpus.read(name)['title']} ({len(rows)})", ("livraison", "verdict"), rows)


def _verdict(case):
    if "refused" in case:
        return f"refusée : « …{case['refused']}… »" if case["refused"] else "refusée"
    said = "retenue pour un opérateur" if "held" in case else f"appliquée, {case['applied']} enregistrements"
    quarantined = [f"`{field}` ({rule})" for field, rule in case.get("quarantined", {}).items()]
    repaired = [f"{name} : {number}" for name, number in case.get("repairs", {}).items()]
    became = [f"{path} : {_shown(value)}" for path, value in case.get("becomes", {}).items()]
    return " ; ".join(
        [said, *(f"en quarantaine {each}" for each in quarantined), *(f"réparé {each}" for each in repaired), *became]
    )


def _values():
    rows = [
        (
            case["field"],
            _shown(case["value"]),
            case["name"] if case["name"] != case["value"] else "",
            _value_verdict(case),
        )
        for case in chain.from_iterable(corpus.values().values())
    ]
    return _table(
        f"{corpus.read('values')['title']} ({len(rows)})", ("champ", "valeur", "ce qu'elle est", "verdict"), rows
    )


def _value_verdict(case):
    if "quarantined" in case:
        return f"en quarantaine (`{case.get('at', case['field'])}`, {case['quarantined']})"
    return "appliquée, champ absent" if case.get("absent") else f"appliquée : {_shown(case['becomes'])}"


def _bodies():
    given = corpus.read("bodies")
    rows = [
        (
            case["name"],
            "sans réponse lisible : redemandée plus tard"
            if "unreadable" in case
            else f"lue : {_shown(case['becomes'])}",
        )
        for case in given["cases"]
    ]
    return _table(f"{given['title']} ({len(rows)})", ("corps", "verdict"), rows)


def _names():
    given = corpus.read("names")
    rows = [(_shown(case["name"]), "pris" if case["taken"] else "laissé") for case in given["cases"]]
    return _table(f"{given['title']} (`{given['pattern']}`, {len(rows)})", ("nom", "verdict"), rows)


def _outgoing():
    given = corpus.read("outgoing")
    rows = [(_shown(case["cell"]), _shown(case["written"])) for case in given["cases"]]
    return _table(f"{given['title']} ({len(rows)})", ("cellule", "écrite"), rows)


def _shown(value):
    """As code, what cannot be seen spelt out."""
    text = value if isinstance(value, str) else repr(value)
    seen = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    return f"`` {seen} ``" if seen else "(vide)"


def _table(title, heads, rows):
    lines = [f"## {title}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([*lines, ""])
