"""The comparison of costs runs; what does not depend on the machine's load holds."""

import re

from click.testing import CliRunner

from pipelines.cost.training import main


def test_ours_holds_less_than_boxinst():
    result = CliRunner().invoke(
        main,
        ["--height", "96", "--width", "160", "--batch-size", "1", "--objects", "3", "--repetitions", "1"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    figures = {
        match[1]: (float(match[2]), float(match[3]))
        for match in re.finditer(r"^(.+): time ([\d.]+).*?memory ([\d.]+)", result.output, re.MULTILINE)
    }
    assert figures.keys() == {"step of ours / condinst's", "step of ours / boxinst's", "loss of ours / boxinst's"}
    assert all(time > 0 for time, _ in figures.values())
    assert figures["step of ours / boxinst's"][1] < 1
    assert figures["loss of ours / boxinst's"][1] < 0.5
