"""What is kept of a header and a footer: the leaves a flow asks for, where they are what they claim to be."""

from __future__ import annotations

from connectors.control import told
from connectors.declaration import load_flows


def test_a_header_keeps_what_the_flow_asks_for_and_nothing_else():
    said = {
        "TYPEFLUX": "M",
        "DTREF": "2026-11-01",
        "HEUCREAFLUX": "01:18:36.0000",
        "LIBELLE": "M",
        "APPLIEME": "Mme Martin",
    }

    kept = told(load_flows()["caf_rsa"], said)

    assert kept == {"TYPEFLUX": "M", "DTREF": "2026-11-01", "HEUCREAFLUX": "01:18:36.0000"}


def test_a_total_that_is_somebodys_number_is_not_kept():
    flow = load_flows()["caf_rsa"]

    assert told(flow, {"NBTOTDOSRSATRANSM": "00000012"}) == {"NBTOTDOSRSATRANSM": "00000012"}
    assert told(flow, {"NBTOTDOSRSATRANSM": "1170308105912"}) == {}
