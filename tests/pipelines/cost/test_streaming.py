"""Long files in little memory: the command, and that its files are what it says."""

import pytest
from click.testing import CliRunner

from pipelines.cost.streaming import OBJECTS, main, write_files
from stc_track.formats.mots import read_detections, read_mots


def test_files(tmp_path):
    write_files(tmp_path, 3000)
    detections = read_detections(tmp_path / "detections" / "0000.txt")
    tracks = read_mots(tmp_path / "tracks" / "0000.txt")
    assert len(detections) == len(tracks) == 3000 // OBJECTS
    assert all(len(frame) == OBJECTS for frame in (*detections.values(), *tracks.values()))
    assert len({obj.track_id for frame in tracks.values() for obj in frame}) > OBJECTS


@pytest.mark.slow
def test_memory_does_not_grow():
    lines = (20_000, 100_000)
    done = CliRunner().invoke(main, [word for length in lines for word in ("--lines", str(length))])
    assert done.exit_code == 0, done.output
    peaks = {}
    for row in done.output.splitlines()[1:]:
        *name, _, _, _, peak = row.split()
        peaks.setdefault(" ".join(name), []).append(float(peak))
    assert len(peaks) == 3
    assert all(later < 1.05 * earlier for earlier, later in peaks.values())
