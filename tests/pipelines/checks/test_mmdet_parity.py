"""The puzzle loss equals BoxInst's and our CondInst MMDetection's, as `pipelines.checks.mmdet_parity` prints."""

import pytest

from pipelines.checks.mmdet_parity import boxinst_terms, condinst_differences


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_boxinst_with_colour_as_the_only_cue(seed):
    terms, kept = boxinst_terms(seed)
    assert 0.1 < kept < 0.9
    for theirs, ours in terms.values():
        assert theirs > 0.1
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_condinst_equals_mmdetections():
    rows = condinst_differences()
    assert len(rows) == 9
    for name, (difference, largest) in rows.items():
        assert largest > 0.1, name
        assert difference <= 1e-5 * max(largest, 1), name
