"""Frames that lie in a bucket: the same store as from a folder, a listing a folder, and a word where it cannot be."""

import numpy as np
import pytest

from stc_pseudo.datasets.images import read_frame
from stc_pseudo.store.reader import StoreReader
from stc_track.io.location import Location
from stc_track.io.remote_path import RemotePath


@pytest.fixture
def data(bucket, drawn):
    """URL of the drawn data set, beside the one in the folder; frames and boxes only."""
    place = Location(f"{bucket}/data", writable=True)
    for folder in ("training/image_02", "instances_txt"):
        files = [path for path in (drawn.root / folder).rglob("*") if path.is_file()]
        place.put_many({path.relative_to(drawn.root).as_posix(): path.read_bytes() for path in files})
    return place.url


def build(drawn, store, *more):
    maps = drawn.root / "training"
    depth, flow = ("--depth", "precomputed", "--depth-dir", maps / "depth"), ("--flow", "dis")
    return drawn.run("build", "--out", store, *depth, *flow, *more)


def same(one, other):
    one, other = (StoreReader(str(store)).sequence("0000") for store in (one, other))
    for name in one.stored:
        np.testing.assert_array_equal(one.read(name, slice(None)), other.read(name, slice(None)))
    return other


def test_a_data_set_in_kitti_s_layout(data, drawn, monkeypatch):
    """Each folder is listed once; a second build does nothing; a frame of other content is found."""
    listed, entries = [], Location.entries
    monkeypatch.setattr(Location, "entries", lambda self, prefix="": listed.append(prefix) or entries(self, prefix))
    assert build(drawn, drawn.root / "local", "--dataset", "kitti", "--root", drawn.root).exit_code == 0
    flags = ("--dataset", "kitti", "--root", data)
    result = build(drawn, drawn.store, *flags)
    assert result.exit_code == 0, result.output
    assert len(listed) == len(set(listed)) <= 9, listed
    stored = same(drawn.root / "local", drawn.store)
    assert str(stored.frame_path(1)) == f"{data}/training/image_02/0000/000001.png"
    np.testing.assert_array_equal(
        read_frame(stored.frame_path(1)), read_frame(drawn.root / "training/image_02/0000/000001.png")
    )
    before = {path: path.stat().st_mtime_ns for path in drawn.store.rglob("*")}
    assert build(drawn, drawn.store, *flags).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in drawn.store.rglob("*")} == before
    place = Location(data, writable=True)
    place.put("training/image_02/0000/000001.png", place.read("training/image_02/0000/000002.png") + b" ")
    result = build(drawn, drawn.store, *flags)
    assert result.exit_code == 2
    assert "a complete sequence made from frames" in result.output
    place.delete(["training/image_02/0000/000001.png"])
    result = build(drawn, drawn.store, *flags)
    assert result.exit_code == 2
    assert result.output.count("Error: ") == 1


def test_frames_of_one_s_own(data, drawn):
    boxes = ("--boxes", drawn.root / "instances_txt/0000.txt")
    local = drawn.root / "training/image_02/0000"
    assert build(drawn, drawn.root / "local", "--frames", local, *boxes).exit_code == 0
    result = build(drawn, drawn.store, "--frames", f"{data}/training/image_02", *boxes)
    assert result.exit_code == 0, result.output
    stored = same(drawn.root / "local", drawn.store)
    assert str(stored.frame_path(0)).startswith(f"{data}/training/image_02/0000/")
    moved = StoreReader(str(drawn.root / "local"), RemotePath(f"{data}/training/image_02")).sequence("0000")
    assert str(moved.frame_path(2)) == f"{data}/training/image_02/0000/000002.png"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--dataset", "ytvis", "--root", "{data}"], "expected a folder on a disk"),
        (["--dataset", "kitti", "--root", "{data}/nothing"], "expected a folder of sequences of frames, found nothing"),
        (["--dataset", "kitti", "--root", "https://host/data"], "expected a folder or a bucket, found https://"),
        (["--frames", "{data}/instances_txt", "--boxes", "x.txt"], "expected frames, video files, or folders"),
        (["--frames", "{data}/instances_txt/0000.txt", "--boxes", "x.txt"], "copy videos to a disk"),
        (["--dataset", "kitti", "--root", "s3://nobodys-bucket/data"], "nobodys-bucket"),
    ],
    ids=["YouTube-VIS", "nothing there", "a web server", "no frames", "a file", "no bucket"],
)
def test_what_cannot_be_read_is_one_line(data, drawn, flags, told):
    result = build(drawn, drawn.store, *[flag.format(data=data) for flag in flags])
    assert result.exit_code == 2, result.output
    assert told in result.output
    assert result.output.count("Error: ") == 1
    assert not drawn.store.exists()


def test_maps_in_a_bucket_are_refused_not_passed_over(data, drawn):
    place = Location(data, writable=True)
    place.put("training/depth/0000/000000.png", b"a map")
    result = drawn.run("build", "--out", drawn.store, "--dataset", "kitti", "--root", data)
    assert result.exit_code == 2, result.output
    assert "expected maps on a disk" in result.output


def test_an_own_folder_s_marker_is_no_file(bucket):
    """As consoles make them: an object of no bytes with the folder's name."""
    import boto3

    boto3.client("s3").put_object(Bucket=bucket.removeprefix("s3://"), Key="a/", Body=b"")
    boto3.client("s3").put_object(Bucket=bucket.removeprefix("s3://"), Key="a/1.png", Body=b"1")
    assert [path.name for path in RemotePath(f"{bucket}/a").iterdir()] == ["1.png"]
    assert RemotePath(f"{bucket}/a").is_dir()
    assert RemotePath(f"{bucket}/a/1.png").is_file()
    assert not RemotePath(f"{bucket}/a/2.png").exists()
