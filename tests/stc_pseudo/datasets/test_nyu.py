"""NYU Depth v2's labelled pictures, in small files of the published layout."""

import pickle

import h5py
import numpy as np
import pytest

from stc_pseudo.datasets.nyu import NyuDepth
from stc_track.io.errors import InputError

N, H, W = 5, 6, 8
SCENES = ["kitchen_0001", "bath_0002", "kitchen_0001", "office_0003", "bath_0002"]


@pytest.fixture
def content():
    """Pictures and depths in the order of rows and columns, as they should come out."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.7, 9.9, (N, H, W)).astype(np.float32)
    raw = np.where(rng.random(depth.shape) < 0.2, 0, depth)
    return {"images": rng.integers(0, 256, (N, H, W, 3), np.uint8), "depths": depth, "rawDepths": raw}


def write(path, content, scenes=SCENES):
    with h5py.File(path, "w") as file:
        for name, array in content.items():
            file[name] = array.transpose(0, *range(array.ndim - 1, 0, -1))
        if scenes is not None:
            rows = []
            for k, scene in enumerate(scenes):
                characters = file.create_dataset(f"#refs#/{k}", data=np.array([[ord(c)] for c in scene], np.uint16))
                rows.append(characters.ref)
            file.create_dataset("scenes", data=np.array([rows], h5py.ref_dtype), dtype=h5py.ref_dtype)
    return path


def test_pictures_and_depth_come_out_in_rows_and_columns(content, tmp_path):
    data = pickle.loads(pickle.dumps(NyuDepth(write(tmp_path / "a.mat", content))))
    assert (len(data), data.size) == (N, (H, W))
    assert data.scenes == tuple(SCENES)
    for k, (image, depth) in enumerate(data):
        np.testing.assert_array_equal(image, content["images"][k])
        np.testing.assert_array_equal(depth, np.where(content["rawDepths"][k] > 0, content["depths"][k], np.nan))
    image, depth = NyuDepth(tmp_path / "a.mat", filled=True)[1]
    assert (image.dtype, depth.dtype, image.flags["C_CONTIGUOUS"]) == (np.uint8, np.float32, True)
    np.testing.assert_array_equal(depth, content["depths"][1])


def test_without_measurements_and_scenes(content, tmp_path):
    del content["rawDepths"]
    content["depths"][2, 0, :3] = np.nan, 0, -1
    data = NyuDepth(write(tmp_path / "a.mat", content, None))
    assert np.isnan(data[2][1]).sum() == 3
    assert data.scenes == ()
    with pytest.raises(InputError, match="two scenes or more"):
        data.split()


def test_no_scene_is_on_both_sides_of_a_split(content, tmp_path):
    data = NyuDepth(write(tmp_path / "a.mat", content))
    assert data.split(3) == ([0, 2, 3], [1, 4])
    assert data.split(2) == ([0, 2], [1, 3, 4])


@pytest.mark.parametrize(
    ("perturb", "words"),
    [
        (lambda c: c.pop("images"), r"images \(N, 3, W, H\) uint8, found none"),
        (lambda c: c.update(images=c["images"].astype(np.uint16)), "uint8"),
        (lambda c: c.pop("depths"), "depths .* of floats, found none"),
        (lambda c: c.update(depths=c["depths"][:, :3]), r"found \(5, 8, 3\)"),
        (lambda c: c.update(rawDepths=c["rawDepths"].astype(np.uint16)), "rawDepths .* of floats"),
    ],
    ids=["no pictures", "16 bits", "no depth", "another size", "whole numbers"],
)
def test_other_content_is_refused(content, tmp_path, perturb, words):
    perturb(content)
    with pytest.raises(InputError, match=words):
        NyuDepth(write(tmp_path / "a.mat", content, None))


def test_other_files_are_refused(content, tmp_path):
    with pytest.raises(InputError, match=r"absent\.mat.*nyu_depth_v2_labeled"):
        NyuDepth(tmp_path / "absent.mat")
    for name, data in (
        ("old.mat", b"MATLAB 5.0 MAT-file" + bytes(200)),
        ("empty.mat", b""),
        ("cut.mat", write(tmp_path / "a.mat", content).read_bytes()[:400]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name}: expected a MATLAB 7\.3"):
            NyuDepth(tmp_path / name)
    with pytest.raises(InputError, match="5 scenes, found 4"):
        NyuDepth(write(tmp_path / "b.mat", content, SCENES[:4]))
