"""Data Docs: a flow's suite and what it says of past deliveries, as pages that need no network and call nobody.

Great Expectations renders; what it would load from elsewhere (scripts, styles, a logo that carries the project's id) is
taken out of every page, and a policy in the page forbids the rest. Only measures go in: counts and rates.
"""

from __future__ import annotations

import html as plain
import sys
import warnings
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from lxml import html

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )
    from great_expectations.render.renderer.site_builder import SiteBuilder
    from great_expectations.render.view.view import DefaultJinjaPageView

from quality.declaration import Quality
from quality.expectations import open_context, profiles, suite_of, validate
from quality.wording import figure, promise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
KIND = {"full": "complète", "delta": "changements"}
STATES = {
    "received": "en cours", "applied": "appliquée", "refused": "refusée", "held": "retenue", "outdated": "dépassée",
    "reverted": "annulée",
}  # fmt: skip
DROPPED = (
    ".//script", ".//style", ".//link", ".//img", ".//form", ".//button", ".//li[hr]", ".//hr", ".//p[a[@data-toggle]]",
    ".//*[contains(@id, 'collapse')]", ".//h6[normalize-space() = 'Notes']",
)  # fmt: skip
KEPT_ATTRIBUTES = {"class", "id", "href", "colspan", "hidden"}
TITLES = {"Validations": "Livraisons", "Expectations": "Attentes"}
FRENCH = {
    "Overview": "Vue d'ensemble", "Expectation Suite:": "Attentes du flux :", "Status:": "Verdict :", "Info": "À propos",
    "Succeeded": "conforme", "Failed": "non conforme", "Statistics": "En chiffres", "Status": "Verdict",
    "Evaluated Expectations": "Attentes jugées", "Successful Expectations": "Attentes tenues",
    "Unsuccessful Expectations": "Attentes non tenues", "Success Percent": "Part tenue", "Expectation": "Attente",
    "Observed Value": "Mesuré", "Expectation Suite Name": "Flux", "Great Expectations Version": "Version de Great Expectations",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PastDelivery:
    """What was measured of a delivery when it came; ``state`` is what became of it, in French."""

    id: int
    kind: str
    state: str
    received_at: datetime
    measures: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Documented:
    """A flow, what is expected of it, and its past deliveries, latest first."""

    label: str
    quality: Quality
    deliveries: Sequence[PastDelivery]


def write_docs(flows: Sequence[Documented], out: Path) -> int:
    """Write the pages of some flows under ``out``; returns how many. Past deliveries are judged by today's expectations."""
    context = open_context()
    verdicts = {each.quality.flow: list(_judged(context, each)) for each in flows}
    backend = {
        "class_name": "TupleFilesystemStoreBackend", "base_directory": str(out.absolute()), "suppress_store_backend_id": True,
    }  # fmt: skip
    page = {"view": {"module_name": "quality.docs", "class_name": "OfflinePage"}}
    site = SiteBuilder(
        context, backend, show_how_to_buttons=False,
        site_section_builders={"expectations": page, "validations": page, "profiling": "None"},
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for section in site.site_section_builders.values():
            section.build()
    (out / "index.html").write_text(_index(flows, verdicts), encoding="utf-8")
    return 1 + len(flows) + sum(map(len, verdicts.values()))


def write_told(told: Sequence[Mapping[str, Any]], out: Path) -> int:
    """The same from a document: each flow's ``label``, its ``quality`` as declared, its past ``deliveries``."""
    flows = [
        Documented(
            label=each["label"],
            quality=Quality.model_validate(each["quality"]),
            deliveries=[
                PastDelivery(
                    **past
                    | {"state": STATES[past["state"]], "received_at": datetime.fromisoformat(past["received_at"])}
                )
                for past in each["deliveries"]
            ],
        )
        for each in told
    ]
    return write_docs(flows, out)


class OfflinePage(DefaultJinjaPageView):
    """A page of Great Expectations', with nothing in it that a browser would fetch or run."""

    def render(self, document: Any, template: Any = None, **known: Any) -> str:
        return offline(super().render(document, template, **known))  # type: ignore[no-untyped-call]


def offline(page: str) -> str:
    """Keep the words and tables of a page, in French, under our own style; drop all else."""
    given = html.document_fromstring(page)
    home = str(given.xpath("string(//nav//a/@href)"))
    title = str(given.xpath("string(//li[contains(@class, 'active')])"))
    for theirs, ours in TITLES.items():
        title = title.replace(theirs, ours)
    body = html.Element("main")
    body.extend(given.xpath("//div[starts-with(@id, 'section-') and contains(@class, 'ge-section')]"))
    for gone in body.xpath(" | ".join(DROPPED)):
        gone.drop_tree()
    for element in body.iter(html.etree.Element):
        _tidy(element)
    return _page(title, f'<p><a href="{home}">Tous les flux</a></p>{html.tostring(body, encoding="unicode")}')


def _tidy(element: Any) -> None:
    for name in set(element.attrib) - KEPT_ATTRIBUTES:
        del element.attrib[name]
    if ":" in element.get("href", ""):
        del element.attrib["href"]
    element.text, element.tail = _french(element.text), _french(element.tail)
    if element.tag == "i":
        element.text = "✓" if "success" in element.get("class", "") else "✗"


def _french(text: str | None) -> str | None:
    words = (text or "").strip()
    if words.startswith(("Data asset:", "This Expectation suite")):
        return ""
    return text.replace(words, FRENCH.get(words, words)) if text and words else text


def _judged(context: Any, flow: Documented) -> Iterator[tuple[PastDelivery, str, int, int]]:
    """Each past delivery judged, with its page, how many expectations were judged and how many were met."""
    quality = flow.quality
    context.suites.add(suite_of(quality.flow, quality.suite))
    rows = profiles(context, quality.flow)
    for delivery in flow.deliveries:
        expected = quality.judging(delivery.kind).suite
        measures = {
            each: float(delivery.measures[each.measured]) for each in expected if each.measured in delivery.measures
        }
        if not measures:
            continue
        run = RunIdentifier(run_name=f"livraison-{delivery.id}", run_time=delivery.received_at)
        result = validate(rows, quality.flow, measures, result_format="BASIC")
        result.meta["run_id"] = run
        for (each, value), verdict in zip(measures.items(), result.results, strict=True):
            verdict.result["observed_value"] = figure(each, value)
        key = ValidationResultIdentifier(ExpectationSuiteIdentifier(quality.flow), run, "mesures")
        context.validation_results_store.set(key, result)
        page = "/".join(("validations", *key.to_tuple())) + ".html"  # type: ignore[no-untyped-call]
        yield delivery, page, len(measures), sum(bool(verdict.success) for verdict in result.results)


def _index(flows: Sequence[Documented], verdicts: Mapping[str, Any]) -> str:
    body = (
        "<p>Ce que chaque flux promet, et ce que ses dernières livraisons en tiennent. Chaque livraison passée est jugée avec "
        "les attentes d'aujourd'hui, sur les mesures prises à sa réception : des nombres et des taux, jamais une personne.</p>"
    )
    for flow in flows:
        name = flow.quality.flow
        promised = "".join(f"<li>{plain.escape(promise(each))}</li>" for each in flow.quality.suite)
        body += f'<h2>{plain.escape(flow.label)}</h2><p><a href="expectations/{name}.html">{name}</a></p><ul>{promised}</ul>'
        body += _table(verdicts[name]) if verdicts[name] else "<p>Aucune livraison jugée.</p>"
    return _page("Qualité des livraisons", body)


def _table(verdicts: Sequence[tuple[PastDelivery, str, int, int]]) -> str:
    rows = "".join(
        f'<tr><td><a href="{plain.escape(page)}">livraison {each.id}</a></td><td>{each.received_at:%d/%m/%Y %H:%M}</td>'
        f"<td>{KIND[each.kind]}</td><td>{plain.escape(each.state)}</td>"
        f'<td class="{"text-success" if met == judged else "text-danger"}">{met} sur {judged}</td></tr>'
        for each, page, judged, met in verdicts
    )
    head = "".join(
        f"<th>{name}</th>" for name in ("Livraison", "Reçue le", "Nature", "Ce qu'elle est devenue", "Attentes tenues")
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _page(title: str, body: str) -> str:
    style = files("quality").joinpath("docs.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="fr"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{plain.escape(title)}</title><style>{style}</style></head><body><h1>{plain.escape(title)}</h1>{body}</body></html>\n"
    )


if __name__ == "__main__":  # the flows on standard input, the folder to write in as the one argument
    write_told(orjson.loads(sys.stdin.buffer.read()), Path(sys.argv[1]))
