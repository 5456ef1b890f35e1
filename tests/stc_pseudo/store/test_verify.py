"""What `stc-pseudo verify` finds, and that a repaired store needs no more than what was damaged."""

import numpy as np
import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.shards import with_checksum
from stc_track.io.errors import InputError


def verify(small, *flags):
    done = CliRunner().invoke(main, ["verify", small.url, *flags])
    return done.exit_code, done.output


def file(small, key):
    (version,) = {path.parent for path in (small.path / "0001").glob("*/zarr.json")}
    return version / key


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_sound_store(small):
    small.build()
    assert verify(small, "--deep")[0] == 0
    assert "1 complete, 0 damaged" in verify(small)[1]


@pytest.mark.parametrize(
    ("key", "written"),
    [
        pytest.param("flow/c.1.0.0.0", [16], id="shard of flow"),
        pytest.param("mask/c.2.0.0", [32], id="shard of masks"),
        pytest.param("box_xyxy/c.0.0", [], id="table of boxes"),
        pytest.param("flow/zarr.json", [], id="array's record"),
        pytest.param("zarr.json", [], id="group's record"),
        pytest.param("box_area/c.0", [0, 16, 32], id="table of areas"),  # only the tasks can make it again
    ],
)
@pytest.mark.parametrize("how", ["flipped", "missing"])
def test_a_build_after_a_repair_redoes_what_was_damaged(small, key, written, how):
    small.build()
    before = small.contents()
    path = file(small, key)
    flip(path) if how == "flipped" else path.unlink()
    code, output = verify(small, "--deep", "--repair")
    assert code == 1
    assert f"damaged: 0001/{path.relative_to(small.path / '0001')}" in output
    with pytest.raises(InputError):
        StoreReader(small.url)
    assert small.build() == written
    assert {key.split("/")[-1]: value for key, value in small.contents().items()}.keys() == {
        key.split("/")[-1] for key in before
    }
    assert verify(small, "--deep")[0] == 0
    reader = StoreReader(small.url).sequence("0001")
    assert reader.column("box_area", 35).tolist() == [35]
    assert (reader.read("flow", slice(16, 32)) == small.shard(16, 32)["flow"]).all()


def test_a_size_is_found_without_reading(small):
    small.build()
    path = file(small, "flow/c.1.0.0.0")
    path.write_bytes(path.read_bytes()[:-1])
    code, output = verify(small)
    assert code == 1
    assert "bytes instead of" in output


@pytest.mark.parametrize("how", ["missing", "flipped"])
def test_a_lost_record_is_no_sequence_less(small, how):
    small.build()
    record = small.path / "0001/record.json"
    record.unlink() if how == "missing" else flip(record)
    with pytest.raises(InputError, match=r"record\.json"):
        StoreReader(small.url)
    assert verify(small)[0] == 1
    verify(small, "--repair")
    assert small.build() == [0, 16, 32]
    assert verify(small, "--deep")[0] == 0


def test_orphans_are_removed_and_what_can_go_on_stays(small):
    small.build()
    small.write(small.writer(), shards=1, provenance={"detail": 4, "depth": "y"})
    (small.path / "0001/.record.json.abc.tmp").write_bytes(b"x")
    file_of_nobody = small.path / "0001/gone-1/flow/c.0.0.0.0"
    file_of_nobody.parent.mkdir(parents=True)
    file_of_nobody.write_bytes(b"x")
    # its builder is this process: let it look dead
    for path in [*small.path.glob(".builders/*"), *small.path.glob("0001/.lock/*")]:
        path.unlink()
    code, output = verify(small, "--repair")
    assert code == 0
    assert "orphan: 0001/.record.json.abc.tmp" in output
    assert "orphan: 0001/gone-1/flow/c.0.0.0.0" in output
    assert output.count("unfinished: ") == 1
    assert not file_of_nobody.exists()
    assert "orphan" not in verify(small)[1]
    assert small.build({"detail": 4, "depth": "y"}) == [16, 32]


def test_a_build_refuses_to_call_a_damaged_sequence_complete(drawn):
    drawn.build()
    next(drawn.store.glob("0000/*/objects/c.0.0.0")).unlink()
    result = drawn.build()
    assert result.exit_code == 2
    assert "expected what the record lists, found missing (`stc-pseudo verify" in result.output
    drawn.run("verify", drawn.store, "--repair")
    assert drawn.build().exit_code == 0
    assert drawn.run("verify", drawn.store, "--deep").exit_code == 0


def test_no_store(tmp_path):
    done = CliRunner().invoke(main, ["verify", str(tmp_path / "nowhere")])
    assert done.exit_code == 2
    assert "expected a store" in done.output


def test_a_build_clears_what_a_killed_one_left(drawn):
    drawn.build()
    (drawn.store / "0000/.lock").mkdir()
    (drawn.store / "0000/.lock/1.json").write_text('{"builder": "gone"}')
    assert drawn.build().exit_code == 0
    assert not (drawn.store / "0000/.lock").exists()
    (drawn.store / "0000/.record.json.abc.tmp").write_text("{")
    assert drawn.build("--overwrite", "masks").exit_code == 0
    assert "orphan" not in drawn.run("verify", drawn.store).output


def test_tables_of_one_size_are_told_apart(small):
    """Both end with their own CRC32C, so that of the whole is the same."""
    small.build()
    path = file(small, "box_area/c.0")
    rows = np.frombuffer(path.read_bytes()[:-4], "int32")[::-1]
    path.write_bytes(with_checksum(rows.tobytes()))
    assert verify(small, "--deep")[0] == 1
    with pytest.raises(InputError, match="content of CRC32 "):
        StoreReader(small.url).sequence("0001").column("box_area", 0)
