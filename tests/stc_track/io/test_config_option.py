"""`--config` and `--print-config`: what a file says, flags override; a printed file gives the same run again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from stc_track.io.config_option import config_options, current_config
from stc_track.io.console import Command
from stc_track.io.field_checks import PositiveCount, Share, check


@dataclass(frozen=True)
class Masks:
    """A table."""

    layers: PositiveCount = 3
    share: Share = 0.5

    def __post_init__(self) -> None:
        check(self)


@click.command(cls=Command)
@config_options(tables={"masks": Masks}, flags={"layers": "masks.layers"})
@click.option("--out", default="runs")
@click.option("--mode", "way", type=click.Choice(["fast", "exact"]), default="fast")
@click.option("--detail", type=click.Choice(["1", "4"]))
@click.option("--workers", type=click.IntRange(1, 8), default=1)
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=1.0)
@click.option("--frames", type=click.Path(path_type=Path), multiple=True)
@click.option("--quiet", is_flag=True)
@click.option("--layers", type=click.IntRange(1), default=Masks.layers)
def run(print_config: bool, detail: str | None, layers: int, **values: object) -> None:
    """Print what it was given."""
    config = current_config()
    masks = config.settings("masks", Masks, {"share": 0.75} if values["way"] == "exact" else {})
    if print_config:
        click.echo(config.text({"masks": masks}, detail=int(detail or 4)), nl=False)
        return
    click.echo(dict(sorted({**values, "detail": detail, "masks": masks}.items())))


def call(tmp_path: Path, text: str, *flags: str) -> Result:
    """Run with a file of this text."""
    path = tmp_path / "run.toml"
    path.write_text(text)
    return CliRunner().invoke(run, ["--config", str(path), *flags])


CASES = {
    "plain": ('workers = 2\nmode = "exact"', (), ("'workers': 2", "'way': 'exact'", "Masks(layers=3, share=0.75)")),
    "table over base": ('mode = "exact"\n[masks]\nshare = 0.1', (), ("Masks(layers=3, share=0.1)",)),
    "flag over file": ("workers = 2\n[masks]\nlayers = 5", ("--workers", "4"), ("'workers': 4", "layers=5")),
    "flag over table": ("[masks]\nlayers = 5", ("--layers", "7"), ("layers=7",)),
    "list": ('frames = ["a", "b"]', (), ("PosixPath('a'), PosixPath('b')",)),
    "one of several": ('frames = "a"', (), ("(PosixPath('a'),)",)),
    "switch": ("quiet = true", (), ("'quiet': True",)),
    "number as a choice": ("detail = 4", (), ("'detail': '4'",)),
}


@pytest.mark.parametrize(("text", "flags", "expected"), CASES.values(), ids=CASES)
def test_flags_come_before_the_file_and_the_file_before_defaults(
    tmp_path: Path, text: str, flags: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    done = call(tmp_path, text, *flags)
    assert done.exit_code == 0, done.output
    for part in expected:
        assert part in done.output


BAD = {
    "unknown key": ("worker = 2", "worker: expected one of the keys out, mode, detail, workers, rate, frames, quiet"),
    "a table's key": ("layers = 2", "layers: expected one of the keys"),
    "unknown table": ("[mask]\nlayers = 2", "mask: expected one of the keys"),
    "key of a table": ("[masks]\nlayer = 2", "masks.layer: expected one of the keys layers, share"),
    "table as a value": ("masks = 2", "masks: expected a table, [masks], found 2"),
    "text for a number": ('workers = "2"', "workers: expected a whole number, at least 1 and at most 8, found '2'"),
    "true for a number": ("workers = true", "workers: expected a whole number, at least 1 and at most 8, found True"),
    "fraction": ("workers = 1.5", "workers: expected a whole number, at least 1 and at most 8, found 1.5"),
    "out of range": ("workers = 9", "workers: expected a whole number, at least 1 and at most 8, found 9"),
    "at an open end": ("rate = 0", "rate: expected a number, above 0, found 0"),
    "no choice": ('mode = "slow"', "mode: expected one of fast, exact, found 'slow'"),
    "number for a switch": ("quiet = 1", "quiet: expected true or false, found 1"),
    "number for text": ("out = 3", "out: expected a string, found 3"),
    "out of a table's range": ("[masks]\nshare = 2", "masks.share: expected a number from 0 to 1, found 2"),
    "no TOML": ("workers: 3", "expected a settings file (TOML)"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_gives_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    done = call(tmp_path, text)
    assert done.exit_code == 2
    assert done.output.startswith(f"Error: {tmp_path / 'run.toml'}")
    assert message in done.output
    assert done.output.count("\n") == 1


def test_a_printed_file_gives_the_same_run_again(tmp_path: Path) -> None:
    flags = ["--mode", "exact", "--frames", 'a "b"', "--frames", "c", "--rate", "0.1", "--layers", "2", "--quiet"]
    printed = CliRunner().invoke(run, [*flags, "--print-config"]).output
    again = call(tmp_path, printed, "--print-config").output
    assert again == printed
    assert call(tmp_path, printed).output == CliRunner().invoke(run, [*flags, "--detail", "4"]).output
