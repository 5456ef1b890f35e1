"""Figures of a comparison beside their bars."""

import pytest

from pipelines.ablations.supervision_tables import ABOVE_BOXINST, OF_SUPERVISED, comparisons


def figures(value):
    return {
        area: {name: dict.fromkeys(("AP", "AP50", "AP75"), value) for name in ("car", "mean")}
        for area in ("all", "large")
    }


def test_bars_compare_the_seeds_that_both_have():
    rows = comparisons(
        {
            "puzzle": {0: figures(20.0), 1: figures(24.0), 2: figures(90.0)},
            "boxinst": {0: figures(18.0), 1: figures(20.0)},
            "supervised": {1: figures(25.0)},
        }
    )
    value = {row["what"]: (row["seeds"], row["value"], row["reached"]) for row in rows if row["objects"] == "all"}
    assert value == {
        f"{ABOVE_BOXINST[0]} (boxinst)": ([0, 1], pytest.approx(3), True),
        f"{OF_SUPERVISED[0]} (supervised)": ([1], pytest.approx(0.96), False),
    }
