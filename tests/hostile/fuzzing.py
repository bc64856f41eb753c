"""Properties of every reader and of the way to the store, and the nightly run that tries them on thousands of inputs."""

from __future__ import annotations

import io
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import orjson
import packing
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutating import FLOWS, cells, mutated, samples

from connectors.archives import unpacked
from connectors.control import check_header, control_total, order_key, reference_date
from connectors.declaration import load_flows
from connectors.formats import Unpack
from connectors.opening import open_reader
from hub.intake.staging import records_of
from mappings.declaration import load_mappings
from mappings.engine import UNREADABLE, normalise
from quality.check import check
from quality.declaration import load_quality
from quality.profile import Profile, shapes_of
from schemas.errors import FixTheDelivery

TODAY = "2026-11-24"
MOST_SECONDS = 10
LARGEST_COUNT = 2**31 - 1
LONGEST_INDEXED = 2700


@dataclass
class Tally:
    """What a run came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: float = 0.0

    def took(self, outcome, seconds):
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, seconds)
        self.seconds += seconds
        assert seconds < MOST_SECONDS


@cache
def declared():
    return load_flows(), load_mappings(), load_quality()


def read(flow, stream):
    """Read, map and check a delivery; returns its outcome. Whatever else it raises is a fault."""
    flows, mappings, _ = declared()
    mapping = mappings[flow]
    reader = open_reader(flows[flow], stream, mapping.columns, ignored=mapping.ignored, chunk=50)
    refused = 0
    for chunk in reader.chunks():
        check_header(flows[flow], reader.reading.header, today=pd.Timestamp(TODAY).date())
        refused += len(chunk.rejected) + (
            way_to_the_store(flow, chunk.frame, reader.reading.header) if len(chunk.frame) else 0
        )
    check_header(flows[flow], reader.reading.header, today=pd.Timestamp(TODAY).date())
    total = control_total(flows[flow], reader.reading)
    storable(
        reader.reading.header,
        reader.reading.footer,
        order_key(flows[flow], reader.reading.header, ""),
        reader.reading.unknown_columns,
    )
    assert total is None or (total.expected or 0) <= LARGEST_COUNT
    if total is not None and not total.agrees:
        return "refused"
    return "quarantined" if refused else "applied"


def way_to_the_store(flow, frame, header):
    """Map and check a chunk, and make sure the store would take what passed; returns how many records did not."""
    _, mappings, qualities = declared()
    mapped = normalise(mappings[flow], frame, header | {"#delivery_date": TODAY})
    rejects = pd.concat([mapped.rejects, check(qualities[flow], mapped.frame, today=TODAY)])
    assert all(hint.endswith(".") and hint != UNREADABLE for hint in rejects["hint"])
    good = mapped.frame[~mapped.frame.index.isin(rejects["record"])]
    profile = Profile(paths=list(mappings[flow].fields), coded=mappings[flow].coded)
    profile.add(Counter(shapes_of(good, mappings[flow].coded)), rejected=len(rejects))
    storable(profile.to_dict(), {f"{codes}:{code}": n for (codes, code), n in mapped.unknown_codes.items()})
    for _, _, key, as_of, content in records_of(good):
        storable(content, key, reference_date(declared()[0][flow], header) or as_of)
        assert len(content.get("identifiers.departement", "").encode()) < LONGEST_INDEXED
    for record in rejects["record"].unique():
        orjson.dumps(frame.loc[record].dropna().to_dict(), default=str)
    return rejects["record"].nunique()


def storable(*documents):
    """PostgreSQL takes no NUL in a text, and orjson no half of a character nor a number beyond 64 bits."""
    for document in documents:
        assert b"\\u0000" not in orjson.dumps(document, option=orjson.OPT_SORT_KEYS).replace(b"\\\\", b"")


def one_of_three(tally, flow, stream):
    start = time.perf_counter()
    try:
        with stream as opened:
            outcome = read(flow, opened)
    except FixTheDelivery as refusal:
        assert str(refusal).endswith(".")
        outcome = "refused"
    tally.took(outcome, time.perf_counter() - start)


def delivery_property(reader):
    """Whatever is done to a delivery of this reader, it is applied, quarantined or refused."""

    def check_one(tally, drawn):
        flow, content = drawn
        one_of_three(tally, flow, io.BytesIO(content))

    return mutated(reader), check_one


def archive_property():
    """Whatever is done to an archive, it is opened or refused."""
    spoil = st.lists(
        st.one_of(
            st.tuples(st.just("flip"), st.integers(-400, 400)),
            st.tuples(st.just("keep_first"), st.integers(0, 3000)),
            st.tuples(st.just("drop_last"), st.integers(1, 200)),
            st.tuples(st.sampled_from(["append", "prepend"]), st.text(max_size=40)),
            st.tuples(st.just("twice"), st.none()),
        ),
        max_size=3,
    )
    names = st.sampled_from(["a.xml", "../a.xml", "/a.xml", "a/b.xml", "a\nb", "..", "é.xml"]) | st.text(
        min_size=1, max_size=20
    ).filter(lambda name: name.isprintable())
    inside = st.lists(
        st.fixed_dictionaries({"name": names}, optional={"link": st.booleans()}),
        min_size=0,
        max_size=2,
        unique_by=lambda each: each["name"],
    )
    drawn = st.tuples(
        mutated("xml"),
        st.sampled_from(["zip", "gzip"]),
        st.sampled_from(["deflated", "stored", "bzip2"]),
        inside,
        spoil,
    )

    def check_one(tally, given):
        (flow, content), kind, method, members, spoilt = given
        packed = packing.pack(content, {"kind": kind, "method": method, "members": members or [{"name": "a.xml"}]})
        for name, how in spoilt:
            if len(packed) > 800 or name != "flip":
                packed = packing.SPOILT[name](packed, how)
        one_of_three(tally, flow, unpacked(io.BytesIO(packed), Unpack(kind=kind, most_bytes=1 << 22)))

    return drawn, check_one


@cache
def good_record(flow):
    """The first record of a flow's sample, as its reader hands it over."""
    flows, mappings, _ = declared()
    content = next(content for each in FLOWS for known, content in samples(each) if known == flow)
    chunk = next(iter(open_reader(flows[flow], io.BytesIO(content), mappings[flow].columns).chunks()))
    return chunk.frame.iloc[0].drop("#unit").dropna().to_dict()


def chunk_property():
    """Whatever a reader hands over, mapping and checking it gives what the store takes, or a reason."""
    flows = st.sampled_from([flow for each in FLOWS.values() for flow in each])
    drawn = flows.flatmap(
        lambda flow: st.tuples(
            st.just(flow),
            st.lists(
                st.dictionaries(st.sampled_from(declared()[1][flow].columns), cells(), max_size=4),
                min_size=1,
                max_size=3,
            ),
        )
    )

    def check_one(tally, given):
        flow, rows = given
        start = time.perf_counter()
        index = pd.Index(range(1, len(rows) + 1), name="record", dtype="int64")
        rows = [good_record(flow) | row for row in rows]
        columns = {
            name: pd.Series([row.get(name) for row in rows], index=index, dtype="object")
            for name in declared()[1][flow].columns
        }
        frame = pd.DataFrame({"#unit": pd.Series(range(1, len(rows) + 1), index=index), **columns}, index=index)
        refused = way_to_the_store(flow, frame, {"DTREF": "2026-11-20"})
        tally.took("quarantined" if refused else "applied", time.perf_counter() - start)

    return drawn, check_one


PROPERTIES = {
    "xml": lambda: delivery_property("xml"),
    "csv": lambda: delivery_property("csv"),
    "json_lines": lambda: delivery_property("json_lines"),
    "archive": archive_property,
    "chunk": chunk_property,
}


def run(name, inputs, *, derandomize):
    """Try a property on so many inputs; raises at the first one that is neither applied, quarantined nor refused."""
    tally = Tally()
    strategy, check_one = PROPERTIES[name]()

    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(strategy)
    def holds(drawn):
        check_one(tally, drawn)

    holds()
    return tally


def nightly(inputs):
    """Run every property and print its figures; returns 0 when all hold."""
    print(
        f"{'reader':<12}{'inputs':>8}{'applied':>9}{'quarantined':>13}{'refused':>9}{'slowest s':>11}{'seconds':>9}{'peak MB':>9}"
    )
    for name in PROPERTIES:
        tally = run(name, inputs, derandomize=False)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        applied, quarantined, refused = (tally.outcomes[each] for each in ("applied", "quarantined", "refused"))
        print(
            f"{name:<12}{tally.outcomes.total():>8}{applied:>9}{quarantined:>13}{refused:>9}{tally.slowest:>11.3f}{tally.seconds:>9.1f}{peak:>9}",
            flush=True,
        )
    return 0
