"""Boxes in CVAT's XML."""

import numpy as np

from tests.stc_pseudo.datasets.boxes.conftest import box, cvat, read, table


def test_cvat_tracks_move_between_key_frames(tmp_path):
    dog = box(1, 10) + box(4, 40) + box(6, 40, outside=1) + box(8, 60)
    body = (
        f'<track id="4" label="dog" source="manual">{dog}</track>'
        f'<track id="5" label="car">{box(2, 0)}{box(3, 5, keyframe=0)}{box(4, 6, outside=1)}</track>'
    )
    sequence = read(tmp_path / "a.xml", cvat(body))
    assert sequence.class_names == {1: "car", 2: "dog"}
    dogs = [(row[0], row[3]) for row in table(sequence)[0] if row[1] == "dog"]
    assert dogs == [(1, 10), (2, 20), (3, 30), (4, 40), (5, 40), (8, 60), (9, 60)]
    assert [row[3:] for row in table(sequence)[0] if row[1] == "car"] == [(0, 10, 20, 30), (5, 10, 25, 30)]
    assert {row[2] for row in table(sequence)[0]} == {1, 2}


def test_cvat_pictures(tmp_path):
    body = (
        f'<image id="0" name="clip/000002.jpg" width="100" height="60">{box(0, 1, label="dog")}'
        f'<polygon label="dog" points="1,2;3,4;5,6"></polygon></image>'
        f'<image id="1" name="other.jpg" width="100" height="60"></image>'
    )
    assert table(read(tmp_path / "a.xml", cvat(body)))[0] == [(2, "dog", 1, 1, 10, 21, 30)]


def test_cvat_turned_boxes_are_enclosed(tmp_path):
    found = table(read(tmp_path / "a.xml", cvat(f'<track id="0" label="car">{box(9, 40, rotation=90)}</track>')))[0]
    np.testing.assert_allclose(found[0][3:], [40, 10, 60, 30], atol=1e-4)
    found = table(read(tmp_path / "a.xml", cvat(f'<track id="0" label="car">{box(9, 40, rotation=45)}</track>')))[0]
    half = 10 * 2**0.5
    np.testing.assert_allclose(found[0][3:], [50 - half, 20 - half, 50 + half, 20 + half], atol=1e-4)
