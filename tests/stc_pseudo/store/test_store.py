"""The store: what is written is read, by us and by Zarr, whole or not at all, and nothing outside it."""

import json
import pickle
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from stc_pseudo.datasets.base import FrameBoxes, VideoSequence
from stc_pseudo.settings import SimilaritySettings
from stc_pseudo.signal.stored import stored_similarity
from stc_pseudo.store.reader import StoreReader
from stc_pseudo.store.schema import (
    SHARD_FRAMES,
    SIMILARITY_ARRAYS,
    array_cell,
    array_metadata,
    arrays_of,
    box_tables,
    shard_frames,
)
from stc_pseudo.store.verify import verify_store
from stc_pseudo.store.writer import StoreWriter
from stc_track.formats.shards import decode_frame, encode_shard
from stc_track.formats.store import SCHEMA, DamagedStoreError, seal, unseal
from stc_track.io.errors import InputError
from stc_track.io.location import Location

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
    return VideoSequence(
        "0001", SIZE, tuple(tmp_path / f"{t}.png" for t in range(LENGTH)), tuple(range(10, 10 + LENGTH)), boxes=boxes
    )


def random_shard(count, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(
            0, 2 if dtype == "bool" else 200, (count, *channels, *(side // array_cell(name, DETAIL) for side in SIZE))
        ).astype(dtype)
        for name, (channels, dtype) in arrays_of(DETAIL, ["similarity"]).items()
    }


def write(store, sequence, root, provenance, shards=None):
    writer = StoreWriter(str(store), "kitti", {1: "car", 2: "pedestrian"}, root)
    partial = writer.begin(sequence, provenance)
    for start, stop in partial.missing()[:shards]:
        partial.write(start, random_shard(stop - start, seed=start))
    return writer, partial


def test_what_is_written_is_read(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL})
    writer.finish(sequence.name)
    reader = StoreReader(str(tmp_path / "store"))
    assert reader.class_names == {1: "car", 2: "pedestrian"}
    again = pickle.loads(pickle.dumps(reader.sequence("0001")))
    assert (len(again), again.size, again.numbers) == (LENGTH, SIZE, sequence.numbers)
    assert again.frame_path(5) == sequence.frames[5]
    last = random_shard(LENGTH - SHARD_FRAMES, seed=SHARD_FRAMES)
    for name in arrays_of(DETAIL):
        np.testing.assert_array_equal(again.read(name, LENGTH - 1), last[name][-1])
    boxes = again.boxes_at(3)
    np.testing.assert_array_equal(boxes.xyxy, sequence.boxes_at(3).xyxy)
    np.testing.assert_array_equal(boxes.track_ids, [1001, 2007])
    np.testing.assert_array_equal(boxes.ignore, [[1, 1, 5, 5]])
    assert len(again.boxes_at(4)) == 0


def test_an_unfinished_sequence_is_not_complete_and_goes_on_where_it_stopped(tmp_path, sequence):
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL}, shards=1)
    with pytest.raises(InputError, match="at least one complete sequence, found none"):
        StoreReader(str(tmp_path / "store"))
    assert partial.missing() == [(SHARD_FRAMES, LENGTH)]
    writer.close()
    writer, resumed = write(tmp_path / "store", sequence, tmp_path, {"depth": "x", "detail": DETAIL}, shards=0)
    assert resumed.missing() == [(SHARD_FRAMES, LENGTH)]
    with pytest.raises(ValueError, match="are not written"):
        writer.finish(sequence.name)
    writer.close()
    _, rebuilt = write(tmp_path / "store", sequence, tmp_path, {"depth": "another", "detail": DETAIL}, shards=0)
    assert len(rebuilt.missing()) == 2
    assert not resumed_version(tmp_path / "store", resumed)


def resumed_version(store, partial):
    return list((store / partial.name / partial.version).glob("*"))


def test_shards_are_files_of_many_frames(tmp_path, sequence):
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    shards = list((tmp_path / "store/0001" / partial.version / "flow").glob("c.*"))
    assert len([path for path in shards if path.is_file()]) == 2


def test_zarr_reads_what_is_written(tmp_path, sequence):
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL, "keep": ["similarity"]})
    writer.finish(sequence.name)
    group = zarr.open_group(tmp_path / "store/0001" / partial.version, mode="r")
    reader = StoreReader(str(tmp_path / "store")).sequence("0001")
    for name in arrays_of(DETAIL, ["similarity"]):
        np.testing.assert_array_equal(group[name][:], reader.read(name, slice(None)))
        assert "crc32c" in json.dumps(group[name].metadata.to_dict())
    for name in box_tables(sequence):
        np.testing.assert_array_equal(group[name][:], reader.table(name))


def test_nothing_is_left_but_what_the_record_lists(tmp_path, sequence):
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    again, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL, "a": 1})
    assert StoreReader(str(tmp_path / "store")).sequence("0001").record["version"] == partial.version
    again.finish(sequence.name)
    writer.close()
    again.close()
    record = StoreReader(str(tmp_path / "store")).records["0001"]
    listed = {f"0001/{record['version']}/{key}" for key in record["files"]} | {"manifest.json", "0001/record.json"}
    paths = (tmp_path / "store").rglob("*")
    assert {path.relative_to(tmp_path / "store").as_posix() for path in paths if path.is_file()} == listed


def test_columns_of_the_tasks_become_tables(tmp_path, sequence):
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL}, shards=0)
    for start, stop in partial.missing():
        areas = {"box_area": np.array([7, 9] if start == 0 else [], int)}
        partial.write(start, random_shard(stop - start, seed=start), areas)
    writer.finish(sequence.name)
    reader = StoreReader(str(tmp_path / "store")).sequence("0001")
    assert reader.column("box_area", 3).tolist() == [7, 9]
    assert reader.column("box_area", 4).tolist() == []
    with pytest.raises(InputError, match="expected the table box_colour, found only box_area"):
        reader.column("box_colour", 3)


@pytest.mark.parametrize(
    ("size", "frames"),
    [((375, 1242), 16), ((1080, 1920), 8), ((2160, 3840), 2), ((9999, 9999), 1)],
    ids=["KITTI", "1080p", "4K", "huge"],
)
def test_large_frames_have_small_shards(size, frames):
    assert shard_frames(size) == frames


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)),
    dtype=st.sampled_from(["float16", "uint8", "uint16", "bool"]),
    seed=st.integers(0, 99),
)
def test_a_shard_is_what_zarr_writes(shape, dtype, seed):
    block = np.random.default_rng(seed).integers(0, 3, shape).astype(dtype)
    store = MemoryStore()
    metadata = json.dumps(array_metadata(shape, 5, dtype)).encode()
    prototype = zarr.core.buffer.default_buffer_prototype()
    store._store_dict["zarr.json"] = prototype.buffer.from_bytes(metadata)
    array = zarr.open_array(store, mode="r+").with_config({"write_empty_chunks": True})
    store._store_dict["c.0.0.0"] = prototype.buffer.from_bytes(encode_shard(block, 5))
    np.testing.assert_array_equal(array[:], block)
    array[:] = block[::-1]
    written = store._store_dict["c.0.0.0"].to_bytes()
    for k in range(len(block)):
        np.testing.assert_array_equal(decode_frame(written, k, 5, shape[1:], dtype), block[::-1][k])


def test_similarities_that_are_not_kept_are_made_again(tmp_path, sequence):
    similarity = asdict(SimilaritySettings())
    stores = []
    for keep in ([], ["similarity"]):
        writer = StoreWriter(str(tmp_path / f"store{len(keep)}"), "kitti", {1: "car", 2: "pedestrian"}, tmp_path)
        partial = writer.begin(sequence, {"detail": 4, "keep": keep, "similarity": similarity})
        for start, stop in partial.missing():
            arrays = random_shard(stop - start, seed=start)
            for name in SIMILARITY_ARRAYS:
                maps = arrays["inverse_depth"], arrays["flow"]
                arrays[name] = stored_similarity(name, *maps, SIZE, SimilaritySettings())
            partial.write(start, arrays)
        writer.finish(sequence.name)
        stores.append(StoreReader(writer.url).sequence("0001"))
    assert "similarity_flow" not in stores[0].stored
    for name in SIMILARITY_ARRAYS:
        for index in (0, LENGTH - 1, -1, slice(3, 6)):
            np.testing.assert_array_equal(stores[0].read(name, index), stores[1].read(name, index))


def test_each_sequence_keeps_its_own_root(tmp_path, sequence):
    """A second build from another root leaves the first one's frames where they are."""
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    other = replace(sequence, name="0002", frames=tuple(tmp_path / "b" / f"{t}.png" for t in range(LENGTH)))
    writer, _ = write(tmp_path / "store", other, tmp_path / "b", {"detail": DETAIL})
    writer.finish("0002")
    reader = StoreReader(str(tmp_path / "store"))
    assert reader.sequence("0001").frame_path(0) == tmp_path / "0.png"
    assert reader.sequence("0002").frame_path(0) == tmp_path / "b/0.png"
    assert StoreReader(str(tmp_path / "store"), tmp_path / "c").sequence("0002").frame_path(0) == tmp_path / "c/0.png"


def test_frames_outside_the_root_are_below_a_root_of_their_own(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path / "elsewhere", {"detail": DETAIL})
    writer.finish(sequence.name)
    record = StoreReader(str(tmp_path / "store")).records["0001"]
    assert (record["root"], record["frames"][0]) == (str(tmp_path), "0.png")


@pytest.mark.parametrize(
    "change",
    [
        {"frames": ["../../etc/passwd"] * LENGTH},
        {"frames": ["/etc/passwd"] * LENGTH},
        {"frames": ["a/../../b"] * LENGTH},
        {"frames": ["a\\..\\..\\b"] * LENGTH},
        {"version": "../0002/v"},
        {"version": "/tmp"},
        {"version": None},
    ],
    ids=str,
)
def test_a_record_that_leads_outside_is_refused(tmp_path, sequence, change):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    path = tmp_path / "store/0001/record.json"
    path.write_bytes(seal(unseal(path.read_bytes(), "") | change))
    with pytest.raises(InputError, match=r"0001/record\.json: expected"):
        StoreReader(str(tmp_path / "store"))


@pytest.mark.parametrize(
    "name",
    ["../ref/0000", "a/b", "/tmp/x", ".hidden", "..", "manifest.json", ""],
    ids=["out of the store", "a folder in it", "absolute", "hidden", "parent", "the manifest", "empty"],
)
def test_a_sequence_of_such_a_name_is_neither_written_nor_read(tmp_path, sequence, name):
    writer = StoreWriter(str(tmp_path / "store"), "kitti", {1: "car"}, tmp_path)
    with pytest.raises(InputError, match="a sequence with a plain name"):
        writer.begin(replace(sequence, name=name), {"detail": DETAIL})
    assert not (tmp_path / "store").exists()
    written, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    written.finish(sequence.name)
    with pytest.raises(InputError, match="expected sequence"):
        StoreReader(str(tmp_path / "store")).sequence(name)


def test_the_schema_before_is_read(tmp_path, sequence):
    """Its chunks lie in folders, a number a folder."""
    writer, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    reader = StoreReader(writer.url).sequence("0001")
    expected = {name: reader.read(name, slice(None)) for name in reader.stored}
    for path in (tmp_path / "store/0001" / partial.version).glob("*/c.*"):
        target = path.parent / path.name.replace(".", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    record = tmp_path / "store/0001/record.json"
    content = unseal(record.read_bytes(), "")
    files = {key.replace("c.", "c/").replace(".0", "/0"): entry for key, entry in content["files"].items()}
    record.write_bytes(seal(content | {"schema": 3, "files": files}))
    former = StoreReader(writer.url).sequence("0001")
    for name, values in expected.items():
        np.testing.assert_array_equal(former.read(name, slice(None)), values)
    np.testing.assert_array_equal(former.boxes_at(3).track_ids, [1001, 2007])
    assert [state.complete for state in verify_store(Location(writer.url), deep=True)] == [True]


@pytest.mark.parametrize(
    ("manifest", "found"),
    [('{"schema": 99}', "schema 99"), ("{}", "schema None"), ("[]", "schema None"), ("nonsense", "Expecting value")],
    ids=["later schema", "no schema", "a list", "no JSON"],
)
def test_another_schema_is_refused(tmp_path, manifest, found):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=found):
        StoreReader(str(tmp_path))


def test_another_data_set_is_refused(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    with pytest.raises(InputError, match="one of 'kitti'"):
        StoreWriter(str(tmp_path / "store"), "demo", {}, tmp_path)


def test_an_unknown_sequence_is_named_beside_those_there_are(tmp_path, sequence):
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    with pytest.raises(InputError, match="sequence '0002', found only 0001"):
        StoreReader(str(tmp_path / "store")).sequence("0002")


def test_a_block_of_another_type_is_refused(tmp_path, sequence):
    _, partial = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL}, shards=0)
    with pytest.raises(TypeError, match="mask must be bool"):
        partial.write(0, random_shard(SHARD_FRAMES) | {"mask": np.zeros((SHARD_FRAMES, 8, 16), np.uint8)})


def test_the_fingerprint_follows_what_the_store_is_made_from(tmp_path, sequence):
    prints = []
    for provenance in ({"detail": DETAIL, "a": a} for a in (1, 1, 2)):
        store = tmp_path / f"store{len(prints)}"
        writer, _ = write(store, sequence, tmp_path, provenance)
        writer.finish(sequence.name)
        prints.append(StoreReader(str(store)).fingerprint)
    assert prints[0] == prints[1] != prints[2]
    assert json.loads((tmp_path / "store0/manifest.json").read_text())["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("memory://bucket/store", "memory://, which is lost", id="lost at the end"),
        pytest.param("zip://::plain.zip", "zip://, read-only", id="read-only"),
        pytest.param("nosuch://x", "a path or an fsspec URL", id="unknown scheme"),
    ],
)
def test_places_that_hold_no_store(tmp_path, url, message):
    with pytest.raises(InputError, match=message):
        StoreWriter(url, "kitti", {1: "car"}, tmp_path)


def test_home_file_urls_and_zip_files(tmp_path, sequence, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    writer, _ = write("~/store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    writer.close()
    assert (tmp_path / "store/0001/record.json").is_file()
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "store")
    for url in ("~/store", f"file://{tmp_path}/store", f"zip://::{tmp_path}/packed.zip"):
        flow = StoreReader(url).sequence("0001").read("flow", 0)
        np.testing.assert_array_equal(flow, random_shard(SHARD_FRAMES)["flow"][0])


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder, found a file"):
        StoreWriter(str(tmp_path / "file"), "kitti", {}, tmp_path)


def test_a_rebuild_under_a_reader(tmp_path, sequence):
    """From the same inputs it reads on, from others it says so."""
    writer, _ = write(tmp_path / "store", sequence, tmp_path, {"detail": DETAIL})
    writer.finish(sequence.name)
    reader = StoreReader(str(tmp_path / "store")).sequence("0001")
    for provenance, message in (
        ({"detail": DETAIL}, None),
        ({"detail": DETAIL, "a": 1}, "built again with other inputs"),
    ):
        partial = writer.begin(sequence, provenance)
        for start, stop in partial.missing():
            partial.write(start, random_shard(stop - start, seed=start))
        writer.finish(sequence.name)
        if message is None:
            np.testing.assert_array_equal(reader.read("flow", 0), random_shard(SHARD_FRAMES)["flow"][0])
        else:
            with pytest.raises(DamagedStoreError, match=message):
                reader.read("mask", 0)


@pytest.mark.parametrize(
    ("new", "named"),
    [("new/clip", "new"), ("new/clip", "new/clip"), ("new/a/clip", "new/a"), ("n/videos/clip", "n")],
    ids=["the folder around", "the folder itself", "deeper", "a folder more"],
)
def test_frames_that_moved(tmp_path, sequence, new, named):
    """What was built from a folder of one's own is found again by its last folders, wherever it is now."""
    old = tmp_path / "videos" / "clip"
    moving = replace(sequence, frames=tuple(old / path.name for path in sequence.frames))
    writer, _ = write(tmp_path / "store", moving, tmp_path / "elsewhere", {"detail": DETAIL})
    writer.finish(sequence.name)
    (tmp_path / new).mkdir(parents=True)
    (tmp_path / new / "0.png").touch()
    reader = StoreReader(str(tmp_path / "store"), tmp_path / named).sequence(sequence.name)
    assert reader.frame_path(0) == tmp_path / new / "0.png"
    assert pickle.loads(pickle.dumps(reader)).frame_path(2) == tmp_path / new / "2.png"


def test_frames_of_another_video_are_none_that_moved(tmp_path, sequence):
    """Their names alone are alike."""
    writer, _ = write(tmp_path / "store", sequence, tmp_path / "elsewhere", {"detail": DETAIL})
    writer.finish(sequence.name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "0.png").touch()
    reader = StoreReader(str(tmp_path / "store"), tmp_path / "other").sequence(sequence.name)
    with pytest.raises(InputError, match="which may be another video's"):
        reader.frame_path(0)
