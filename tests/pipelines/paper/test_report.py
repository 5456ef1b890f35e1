"""The page of the paper's tables: spread, directions, and only what was run."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pipelines.paper.__main__ import main
from pipelines.paper.report import Direction, direction

ORIGIN = {"commit": "abc", "machine": "x86_64, 2 cores", "versions": {"python": "3.11"}}


def write(out, table, row, name, seed, hota, labels_only=False):
    figures = {"IoU": {"car": 0.8, "pedestrian": 0.6, "all": 0.7}}
    if not labels_only:
        figures |= {"HOTA": {"car": hota, "pedestrian": hota - 10}, "MOTSA": {"car": 1.0, "pedestrian": 1.0}}
        figures["MOTSP"] = {"car": 80.0, "pedestrian": 70.0}
    file = out / "rows" / table / f"{name}.{seed}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"table": table, "row": row, "seed": seed, "figures": figures, **ORIGIN}))


def test_the_page_has_what_was_run_beside_what_is_printed(tmp_path):
    out, page = tmp_path / "out", tmp_path / "paper.md"
    for seed, (plain, with_cues) in enumerate([(30.0, 40.0), (32.0, 41.0)]):
        write(out, "VIII", "DP", "DP", seed, plain)
        write(out, "VIII", "DP+SD", "DP-SD", seed, with_cues)
    write(out, "V", "1", "1", 0, 0, labels_only=True)
    done = CliRunner().invoke(main, ["--report", str(page), "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    # 59.3 < 59.6 and 47.3 < 47.5 as printed; MOTSA and MOTSP are equal here
    assert "| DP | 0, 1 | 31.0 ± 1.4 / 21.0 ± 1.4 | 59.3 / 47.3 |" in text
    assert "| 2 of 6, 4 within the spread |" in text
    assert "CP" not in text.split("Table VIII")[1].replace("CPU", "")
    assert "| 1 | 0.800 | 0.600 | 0.700 |" in text
    assert "Table IX" not in text.replace("Table IX's", "")


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ([30.0, 31.0], [40.0, 41.0], Direction(1, 0, 0)),
        ([50.0, 51.0], [40.0, 41.0], Direction(0, 1, 0)),
        ([40.0, 42.0], [40.0, 43.0], Direction(0, 0, 1)),
        ([30.0], [40.0], Direction(1, 0, 0)),
        ([40.0], [40.0], Direction(0, 0, 1)),
        ([], [40.0], Direction(0, 0, 0)),
    ],
    ids=["agrees", "disagrees", "within the spread", "one seed", "equal", "not run"],
)
def test_directions(own, other, expected):
    found = direction({"mAP": {"mean": own}}, {"mAP": {"mean": other}}, {"mAP": [28.9]}, {"mAP": [29.7]})
    assert found == expected
