"""Two files of one sequence."""

import pytest

from stc_track.formats.sources import open_sources
from stc_track.io.errors import InputError


def test_a_file_beside_a_folder_of_the_same_sequence_is_told(tmp_path):
    line = "1,-1,10,10,30,60,0.9\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "a.txt").write_text(line)
    given = {"sequences": None, "size": (480, 640), "annotations": None, "text": "detections", "hint": ""}
    assert list(open_sources(tmp_path, **given).sequences) == ["a"]
    (tmp_path / "a" / "det").mkdir()
    (tmp_path / "a" / "det" / "det.txt").write_text(line)
    with pytest.raises(InputError, match=r"one file a sequence.*a/det/det\.txt as well"):
        open_sources(tmp_path, **given)
