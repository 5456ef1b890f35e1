import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.checks.store_damage import damage, kind_of, main


@pytest.mark.parametrize("kind", ["flip", "missing", "truncate", "empty", "swap"])
def test_a_damaged_file_is_another(tmp_path, kind):
    for version, text in (("a", "one"), ("b", "two")):
        for name in ("flow/c/0", "mask/c/0"):
            path = tmp_path / "0000" / version / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
    target = tmp_path / "0000/a/flow/c/0"
    assert kind_of(target, tmp_path) == "flow/c"
    assert damage(tmp_path, kind, target, np.random.default_rng(0))
    assert not target.exists() if kind == "missing" else target.read_text() != "one"
    assert (tmp_path / "0000/b/flow/c/0").read_text() == ("one" if kind == "swap" else "two")
    assert (tmp_path / "0000/a/mask/c/0").read_text() == "one"


@pytest.mark.slow
def test_no_damage_is_read_without_a_word():
    done = CliRunner().invoke(main, ["--damages", "30"])
    assert done.exit_code == 0, done.output
