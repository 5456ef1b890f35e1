"""The slow tests and their last result as a page: `make test-slow`, or

python -m pipelines.checks.slow_tests --out docs/results/slow-tests.md
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import click

from pipelines.reporting.origin import commit, machine
from pipelines.reporting.tables import Table
from stc_track.io.console import Command
from stc_track.io.files import replacing
from stc_track.io.options import PATH

OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}  # of pytest's report, by the element's name


def read_report(path: Path) -> list[tuple[str, str, float]]:
    """Name, outcome and seconds of each test of a JUnit report that pytest wrote, the slowest first."""
    tests = []
    for case in ET.parse(path).iter("testcase"):
        outcome = next((OUTCOMES[child.tag] for child in case if child.tag in OUTCOMES), "passed")
        name = f"{case.get('classname', '').removeprefix('tests.')}: {case.get('name', '')}"
        tests.append((name, outcome, float(case.get("time", 0))))
    return sorted(tests, key=lambda test: -test[2])


def as_page(tests: list[tuple[str, str, float]]) -> str:
    """The page: totals, and a row a test.

    Args:
        tests: as `read_report` returns them.
    """
    outcomes = [outcome for _, outcome, _ in tests]
    totals = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped"))
    minutes = sum(seconds for *_, seconds in tests) / 60
    note = f"{totals}, {minutes:.1f} minutes. Commit {commit()}; {machine()}."
    rows = [(name, outcome, f"{seconds:.0f}") for name, outcome, seconds in tests]
    table = Table("The slow tests", note, ("test", "outcome", "seconds"), rows)
    return f"# Slow tests\n\n`make test-slow` runs them and writes this page.\n{table.as_markdown()}\n"


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("docs/results/slow-tests.md"), help="The page.")
def main(out: Path) -> None:
    """Run the tests that are marked slow, and write what came out; exit code 1 if one failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-m", "slow", f"--junitxml={report}"]
        ended = subprocess.run(words, check=False)
        tests = read_report(report)
    with replacing(out, "w") as file:
        file.write(as_page(tests))
    raise SystemExit(ended.returncode)


if __name__ == "__main__":
    main()
