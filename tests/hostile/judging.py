"""Compares what became of a case with the verdict written beside it."""

from __future__ import annotations

import building


def faults(taker, case):
    """What is not as written; nothing when all is."""
    try:
        verdict = taker.take(case["flow"], building.content_of(case), case.get("unpack"))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault to report
        return f"{type(error).__name__}: {str(error)[:300]}"
    expected = _expected(case)
    found = {
        "state": verdict.state,
        "applied": verdict.applied,
        "balanced": verdict.balanced,
        "quarantined": {field: rule for _, field, rule, _ in verdict.quarantined},
    }
    wrong = {name: found[name] for name, value in expected.items() if found[name] != value}
    if case.get("refused", case.get("held", "")) not in verdict.reason:
        wrong["reason"] = verdict.reason
    if verdict.state == "refused" and not verdict.reason.endswith("."):
        wrong["no reason"] = verdict.reason
    if any(not hint.endswith(".") for *_, hint in verdict.quarantined):
        wrong["no hint"] = verdict.quarantined
    wrong |= {name: verdict.repairs for name, n in case.get("repairs", {}).items() if verdict.repairs.get(name) != n}
    if "becomes" in case:
        content = verdict.records[1][1]
        wrong |= {path: content.get(path) for path, value in case["becomes"].items() if content.get(path) != value}
    return wrong


def _expected(case):
    state = next((name for name in ("refused", "held") if name in case), "applied")
    known = {"state": state, "balanced": True} if state != "held" else {"state": state}
    if state == "applied":
        known["applied"] = case["applied"]
    return known | ({"quarantined": case.get("quarantined", {})} if state != "refused" else {})


def value_faults(hub, verdict, cases):
    """The cases of one value that did not come to what is written, by name."""
    refused = {record: (field, rule) for record, field, rule, _ in verdict.quarantined}
    found = {}
    for record, case in enumerate(cases, start=1):
        _, content, _ = verdict.records.get(record, (None, None, None))
        if "quarantined" in case:
            came, meant = refused.get(record), (case.get("at", case["field"]), case["quarantined"])
        else:
            came = (content or {}).get(case["field"]) if record not in refused else refused[record]
            meant = None if case.get("absent") else case["becomes"]
        if came != meant:
            found[f"{case['field']} {case['name']!r}"] = came
    return found
