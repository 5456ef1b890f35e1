import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from stc_pseudo.datasets.base import FrameBoxes, Sequence
from stc_pseudo.store.store import SCHEMA, SHARD_FRAMES, StoreReader, StoreWriter, array_cell, arrays_of
from stc_track.io.errors import InputError

SIZE = (35, 66)
DETAIL = 2
LENGTH = SHARD_FRAMES + 4


@pytest.fixture
def sequence(tmp_path):
    boxes = {
        13: FrameBoxes(
            np.array([[0, 0, 8, 8], [4, 4, 30, 20]], np.float32),
            np.array([1, 2], np.int32),
            np.array([1001, 2007], np.int32),
            np.array([[1, 1, 5, 5]], np.float32),
        )
    }
    return Sequence(
        "0001", SIZE, tuple(tmp_path / f"{t}.png" for t in range(LENGTH)), tuple(range(10, 10 + LENGTH)), boxes=boxes
    )


def random_shard(count, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(
            0, 2 if dtype == "bool" else 200, (count, *channels, *(side // array_cell(name, DETAIL) for side in SIZE))
        ).astype(dtype)
        for name, (channels, dtype) in arrays_of(DETAIL).items()
    }


def write(store, sequence, root, made_from, shards=None):
    writer = StoreWriter(str(store), "kitti", {1: "car", 2: "pedestrian"}, root)
    partial = writer.begin(sequence, made_from)
    for start, stop in partial.missing()[:shards]:
        partial.write(start, random_shard(stop - start, seed=start))
    return writer, partial


def test_what_is_written_is_read(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL})
    writer.finish(sequence.name, {"depth": "x", "detail": DETAIL})
    reader = StoreReader(str(tmp_path / "store"))
    assert reader.class_names == {1: "car", 2: "pedestrian"}
    again = pickle.loads(pickle.dumps(reader.sequence("0001")))
    assert (len(again), again.size, again.numbers) == (LENGTH, SIZE, sequence.numbers)
    assert again.frame_path(5) == Path(sequence.frames[5]).resolve()
    last = random_shard(LENGTH - SHARD_FRAMES, seed=SHARD_FRAMES)
    for name in arrays_of(DETAIL):
        np.testing.assert_array_equal(again.read(name, LENGTH - 1), last[name][-1])
    boxes = again.boxes_at(3)
    np.testing.assert_array_equal(boxes.xyxy, sequence.boxes_at(3).xyxy)
    np.testing.assert_array_equal(boxes.track_ids, [1001, 2007])
    np.testing.assert_array_equal(boxes.ignore, [[1, 1, 5, 5]])
    assert len(again.boxes_at(4)) == 0


def test_an_unfinished_sequence_is_not_complete_and_goes_on_where_it_stopped(tmp_path, sequence):
    _, partial = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL}, shards=1)
    with pytest.raises(InputError, match="a store with a manifest"):
        StoreReader(str(tmp_path / "store"))
    assert partial.missing() == [(SHARD_FRAMES, LENGTH)]
    _, resumed = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL}, shards=0)
    assert resumed.missing() == [(SHARD_FRAMES, LENGTH)]
    _, anew = write(tmp_path / "store", sequence, tmp_path, {"depth": "another", "detail": DETAIL}, shards=0)
    assert len(anew.missing()) == 2


def test_shards_are_files_of_many_frames(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name, {"detail": DETAIL})
    shards = [path for path in (tmp_path / "store/0001/flow/c").rglob("*") if path.is_file()]
    assert len(shards) == 2


@pytest.mark.parametrize(
    ("manifest", "found"),
    [('{"schema": 99}', "schema 99"), ("{}", "schema None"), ("[]", "schema None"), ("nonsense", "Expecting value")],
)
def test_another_schema_is_refused(tmp_path, manifest, found):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=found):
        StoreReader(str(tmp_path))


def test_another_data_set_is_refused(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name, {"detail": DETAIL})
    with pytest.raises(InputError, match="one of 'kitti'"):
        StoreWriter(str(tmp_path / "store"), "demo", {}, tmp_path)


def test_an_unknown_sequence_is_named_beside_those_there_are(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name, {"detail": DETAIL})
    with pytest.raises(InputError, match="sequence '0002', found only 0001"):
        StoreReader(str(tmp_path / "store")).sequence("0002")


def test_a_block_of_another_type_is_refused(tmp_path, sequence):
    _, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL}, shards=0)
    with pytest.raises(TypeError, match="mask must be bool"):
        partial.write(0, {"mask": np.zeros((SHARD_FRAMES, SIZE[0] // 4, SIZE[1] // 4), np.uint8)})


def test_the_fingerprint_follows_what_the_store_is_made_from(tmp_path, sequence):
    prints = []
    for made_from in ({"detail": DETAIL, "a": a} for a in (1, 1, 2)):
        store = tmp_path / f"store{len(prints)}"
        writer, _ = write(store, sequence, tmp_path, made_from)
        writer.finish(sequence.name, made_from)
        prints.append(StoreReader(str(store)).fingerprint)
    assert prints[0] == prints[1] != prints[2]
    assert json.loads((tmp_path / "store0/manifest.json").read_text())["schema"] == 2


def test_a_store_behind_a_url(tmp_path, sequence):
    url = f"memory://bucket/{tmp_path.name}"
    writer = StoreWriter(url, "kitti", {1: "car"}, tmp_path)
    partial = writer.begin(sequence, {"detail": DETAIL})
    for start, stop in partial.missing():
        partial.write(start, random_shard(stop - start, seed=start))
    writer.finish(sequence.name, {"detail": DETAIL})
    flow = StoreReader(url).sequence("0001").read("flow", 0)
    np.testing.assert_array_equal(flow, random_shard(SHARD_FRAMES)["flow"][0])


def test_the_tracker_reads_this_schema():
    from stc_track.tracking import cues

    assert cues.SCHEMA == SCHEMA
