"""What commands share at the terminal."""

import logging
import pickle
import warnings

import click
import pytest
from click.testing import CliRunner

from stc_track.io.console import Command, is_verbose
from stc_track.io.errors import InputError, SettingError


@click.command(cls=Command, renamed={"--limit": "--max-cost", "--drift": "--cascade", "--no-drift": "--no-cascade"})
@click.option("--max-cost", type=float, default=1.0)
@click.option("--cascade/--no-cascade", default=True)
@click.argument("names", nargs=-1)
def command(max_cost, cascade, names):
    logging.getLogger("stc_track.test").debug("a detail")
    logging.getLogger("other").info("chatter of a library")
    warnings.warn("of a library", DeprecationWarning, stacklevel=1)
    click.echo(f"{max_cost} {cascade} {names} {is_verbose()}")


def run(*arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["--max-cost", "3"], "3.0 True ()", id="new"),
        pytest.param(["--limit", "3"], "3.0 True ()", id="former"),
        pytest.param(["--limit=3"], "3.0 True ()", id="former-with-equals"),
        pytest.param(["--no-drift"], "1.0 False ()", id="former-switch"),
        pytest.param(["--", "--limit"], "1.0 True ('--limit',)", id="argument"),
    ],
)
def test_a_former_flag_is_the_new_one(given, expected):
    assert run(*given).stdout.startswith(expected)


def test_a_former_flag_warns_once_and_is_not_in_the_help():
    done = run("--limit", "3", "--limit=4")
    assert done.stderr.count("warning: --limit is now --max-cost") == 1
    assert not run("--max-cost", "3").stderr
    assert "--limit" not in run("--help").output


def test_errors_name_the_new_flag():
    done = run("--limit", "much")
    assert done.exit_code == 2
    assert "--max-cost" in done.stderr.splitlines()[-1]


def test_details_and_warnings_of_libraries_want_v(caplog):
    quiet, verbose = [], []
    for flags, lines in (((), quiet), (("-v",), verbose)):
        caplog.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            assert run(*flags).exit_code == 0
        lines += [record.message for record in caplog.records] + [str(warning.message) for warning in caught]
    assert quiet == []
    assert verbose == ["a detail", "of a library"]


ERRORS = {
    "a flag's name": (SettingError("max_cost", "a cost", "3"), "--max-cost: expected a cost, found 3\n"),
    "an argument's name": (SettingError("folder", "one", "none"), "--out-dir: expected one, found none\n"),
    "no flag": (
        SettingError("masks.rate", "a rate", "3", "`rate=`"),
        "masks.rate: expected a rate, found 3 (`rate=`)\n",
    ),
    "in a hint": (
        InputError("a.png", expected="a picture", found="text", hint="`folder=`, or `max_cost=` 3"),
        "a.png: expected a picture, found text (--out-dir, or --max-cost 3)\n",
    ),
    "a value": (
        SettingError("max_cost", "less", "3", "`max_cost=2` does"),
        "--max-cost: expected less, found 3 (--max-cost 2 does)\n",
    ),
    "another command's": (
        InputError("a.png", expected="a picture", found="text", hint="`rounds=` says"),
        "a.png: expected a picture, found text (`stc-pseudo refine --rounds` says)\n",
    ),
    "in what is expected": (
        SettingError("max_cost", "no `folder=` beside it", "one"),
        "--max-cost: expected no --out-dir beside it, found one\n",
    ),
}


@pytest.mark.parametrize(("error", "said"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("carried", [False, True], ids=["raised here", "raised in another process"])
def test_a_setting_is_named_by_its_flag(error, said, carried):
    @click.command(cls=Command, set_by={"rounds": "`stc-pseudo refine --rounds`"})
    @click.option("--max-cost", type=float)
    @click.option("--out-dir", "-o", "folder")
    def fail(max_cost, folder):
        raise pickle.loads(pickle.dumps(error)) if carried else error

    done = CliRunner().invoke(fail)
    assert (done.exit_code, done.stderr) == (2, f"Error: {said}")


def test_a_setting_is_a_value_to_python():
    with pytest.raises(ValueError, match=r"^max_cost: expected a cost, found 3$"):
        raise SettingError("max_cost", "a cost", "3")


def test_a_logged_setting_is_named_by_its_flag(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])

    @click.command(cls=Command)
    @click.option("--max-cost", type=float)
    def track(max_cost):
        logging.getLogger("stc_track").warning("no cost (`max_cost=` or `rate=` says it)")

    assert CliRunner().invoke(track, []).output == "no cost (--max-cost or `rate=` says it)\n"
