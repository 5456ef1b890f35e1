"""Numbers on the command line: bounds, NaN, and what the help shows of them."""

import click
import pytest
from click.testing import CliRunner

from stc_track.io.options import NumberRange


@click.command()
@click.option("--score", type=NumberRange())
@click.option("--share", type=NumberRange(0, 1))
@click.option("--weight", type=NumberRange(0))
def command(score, share, weight):
    click.echo(f"{score} {share} {weight}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--score", "nan"], "is no number", id="nan"),
        pytest.param(["--score", "inf"], "inf is not in the range -1e+06<=x<=1e+06", id="infinite"),
        pytest.param(["--share", "1.5"], "1.5 is not in the range 0<=x<=1", id="too large"),
        pytest.param(["--weight", "-1"], "-1 is not in the range 0<=x<=1e+06", id="negative"),
        pytest.param(["--share", "half"], "'half' is not a valid float", id="word"),
    ],
)
def test_a_number_out_of_range_is_refused(flags, message):
    result = CliRunner().invoke(command, flags)
    assert (result.exit_code, message in result.output) == (2, True), result.output


def test_numbers_in_range_and_their_help():
    assert CliRunner().invoke(command, ["--score", "-3", "--share", "1", "--weight", "0"]).output == "-3.0 1.0 0.0\n"
    text = CliRunner().invoke(command, ["--help"]).output
    assert "[0<=x<=1]" in text
    assert "[0<=x]" in text
    assert text.count("[") == 3  # of usage, --share and --weight: none of --score
