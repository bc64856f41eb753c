"""A batch claims a few seconds of a partner's rate: an urgent message waits for no more."""

from __future__ import annotations

import pytest

from hub.sharing.deliver import AT_ONCE, BATCH, batch_at


@pytest.mark.parametrize(("per_second", "batch"), [(0.5, AT_ONCE), (2, 10), (10, 50), (20, 100), (600, BATCH)])
def test_a_batch_is_five_seconds_of_the_rate(per_second, batch):
    assert batch_at(per_second) == batch
