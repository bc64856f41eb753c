"""Each incoming flow has a sample: what it becomes is written beside it, record by record."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from connectors.declaration import load_flows
from connectors.opening import open_reader
from hub.intake.staging import records_of
from mappings.declaration import load_mappings
from mappings.engine import normalise
from quality.check import check
from quality.declaration import load_quality
from schemas.beneficiary import Beneficiary

HERE = Path(__file__).parent
INCOMING = sorted(name for name, flow in load_flows().items() if flow.direction == "in")


def outcome(flow: str, sample: Path) -> dict:
    """What a sample becomes: accepted records, and refused ones with field and rule."""
    mapping = load_mappings()[flow]
    accepted, refused = {}, []
    with sample.open("rb") as stream:
        reader = open_reader(load_flows()[flow], stream, mapping.columns, ignored=mapping.ignored)
        for chunk in reader.chunks():
            mapped = normalise(mapping, chunk.frame, reader.reading.header | {"#delivery_date": "2026-11-24"})
            rejects = pd.concat([mapped.rejects, check(load_quality()[flow], mapped.frame, today="2026-11-24")])
            refused += [[int(row.record), row.field, row.rule] for row in rejects.itertuples()]
            refused += [[each.record, each.field, each.rule] for each in chunk.rejected]
            good = mapped.frame[~mapped.frame.index.isin(rejects["record"])]
            accepted |= {str(record): {"#key": key, **content} for record, _, key, _, content in records_of(good)}
    unknown = sorted(f"{codes}:{code}" for codes, code in mapped.unknown_codes)
    return {
        "accepted": accepted,
        "refused": sorted(refused),
        "unknown_codes": unknown,
        "unknown_columns": reader.reading.unknown_columns,
    }


@pytest.mark.parametrize("flow", INCOMING)
def test_a_sample_becomes_what_is_written_beside_it(flow):
    sample = next((HERE / flow).glob("sample.*"))

    found = outcome(flow, sample)

    assert found == json.loads((HERE / flow / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("flow", INCOMING)
def test_every_accepted_record_is_a_valid_common_record(flow):
    found = outcome(flow, next((HERE / flow).glob("sample.*")))

    for content in found["accepted"].values():
        flat = {path: value for path, value in content.items() if not path.startswith("#")}
        assert Beneficiary.from_flat(flat).to_flat() == flat
