"""Settings files: a wrong one gives one line with file and key, a written one gives the same settings again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stc_track.io.errors import InputError
from stc_track.io.field_checks import (
    Between,
    Count,
    NotNegative,
    Positive,
    PositiveCount,
    SettingError,
    Share,
    check,
    require,
)
from stc_track.io.settings_file import from_values, read_settings, to_toml


@dataclass(frozen=True, slots=True)
class Inner:
    """A table."""

    share: Share = 0.25
    weights: tuple[float, float] = (0.5, 2.0)
    names: tuple[Literal["depth", "flow", "colour"], ...] = ("depth",)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Outer:
    """A whole file."""

    method: Literal["one", "other"] = "one"
    layers: Annotated[int, Between(1, 4)] = 3
    rate: Positive = 1.0
    margin: NotNegative = 0.0
    gap: Count = 2
    boxes: PositiveCount | None = None
    folder: Path | None = None
    title: str = ""
    on: bool = False
    low: float = 0.2
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        check(self)
        require(self.low <= self.rate, "low", f"at most rate, {self.rate:g}", self.low)


BAD = {
    "unknown key": ("colour = 3", "colour: expected one of the keys method, layers, rate,"),
    "unknown key of a table": ("[inner]\nshares = 1", "inner.shares: expected one of the keys share, weights, names"),
    "unknown table": ("[other]\nshare = 1", "other: expected one of the keys"),
    "text for a number": ('rate = "fast"', "rate: expected a number above 0, found 'fast'"),
    "true for a whole number": ("layers = true", "layers: expected a whole number from 1 to 4, found True"),
    "fraction for a whole number": ("layers = 2.5", "layers: expected a whole number from 1 to 4, found 2.5"),
    "number for true or false": ("on = 1", "on: expected true or false, found 1"),
    "table for a value": ("[rate]\na = 1", "rate: expected a number above 0, found {'a': 1}"),
    "value for a table": ("inner = 4", "inner: expected a table of share, weights, names, found 4"),
    "above its range": ("layers = 9", "layers: expected a whole number from 1 to 4, found 9"),
    "at an open end": ("rate = 0", "rate: expected a number above 0, found 0"),
    "too large": (f"rate = 1{400 * '0'}", "rate: expected a number above 0, found 1000"),
    "not finite": ("rate = inf", "rate: expected a number above 0, found inf"),
    "not a number": ("[inner]\nshare = nan", "inner.share: expected a number from 0 to 1, found nan"),
    "negative count": ("gap = -1", "gap: expected a whole number of at least 0, found -1"),
    "not a choice": ('method = "both"', "method: expected one of 'one', 'other', found 'both'"),
    "wrong length": ("[inner]\nweights = [1, 2, 3]", "inner.weights: expected a list of 2, each a number"),
    "not a choice in a list": ('[inner]\nnames = ["depth", "x"]', "inner.names: expected a list, each one of 'depth'"),
    "optional of a wrong type": ('boxes = "all"', "boxes: expected a whole number of at least 1, or nothing"),
    "fields that do not fit": ("low = 3", "low: expected at most rate, 1, found 3"),
    "no TOML": ("layers 3", ": expected a settings file (TOML), found "),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_names_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(Outer, path)
    assert str(caught.value.message).startswith(str(path))
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a settings file"):
        read_settings(Outer, tmp_path / "none.toml")


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('layers = 1\nfolder = "maps/depth"\n[inner]\nweights = [1, 2]\n')
    assert read_settings(Outer, path) == Outer(layers=1, folder=Path("maps/depth"), inner=Inner(weights=(1.0, 2.0)))


def test_a_key_without_default_is_asked_for() -> None:
    @dataclass
    class Required:
        out: str
        seed: int = 0

    with pytest.raises(InputError, match="flags: out: expected given, found nothing"):
        from_values(Required, {"seed": 1}, "flags")


@pytest.mark.parametrize(
    ("values", "name"),
    [({"layers": 0}, "layers"), ({"rate": True}, "rate"), ({"low": 2.0}, "low")],
    ids=["below range", "wrong type", "above range"],
)
def test_the_class_refuses_what_the_file_may_not_say(values: dict, name: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: expected "):
        Outer(**values)


finite = st.floats(allow_nan=False, allow_infinity=False)
inner = st.builds(
    Inner,
    st.floats(0, 1),
    st.tuples(finite, finite),
    st.lists(st.sampled_from(["depth", "flow", "colour"]), max_size=3).map(tuple),
)
outer = st.builds(
    Outer,
    method=st.sampled_from(["one", "other"]),
    layers=st.integers(1, 4),
    rate=st.floats(1, 1e300),
    margin=st.floats(0, 1e300),
    gap=st.integers(0, 2**62),
    boxes=st.none() | st.integers(1, 2**62),
    folder=st.none() | st.from_regex(r"[a-zäöü \"\\]{1,8}", fullmatch=True).map(Path),
    title=st.text(st.characters(exclude_categories=["Cs"])),
    on=st.booleans(),
    low=st.floats(-1e300, 1),
    inner=inner,
)


@given(outer)
def test_what_is_written_reads_as_the_same_settings(settings: Outer) -> None:
    import tomllib

    assert from_values(Outer, tomllib.loads(to_toml(settings)), "text") == settings
