"""The way in: receive, normalise, check and apply a delivery; ledger, quarantine, replay, revert."""
