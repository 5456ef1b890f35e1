import pytest
from click.testing import CliRunner

from pipelines.cost.store import build_on_simulated_gpu, cut_videos, main
from stc_pseudo.store.reader import StoreReader


def test_size_and_sample(drawn_store):
    done = CliRunner().invoke(main, ["size", str(drawn_store[1])])
    assert done.exit_code == 0, done.output
    assert "flow " in done.output
    assert "kB a frame, 2 frames" in done.output
    done = CliRunner().invoke(main, ["sample", str(drawn_store[1]), "--draws", "4"])
    assert done.exit_code == 0, done.output
    assert "ratio" in done.output


def test_scale_forks_and_measures():
    import subprocess
    import sys

    command = [sys.executable, "-m", "pipelines.cost.store", "scale", "--case", "1", "20", "--case", "3", "5"]
    done = subprocess.run([*command, "--boxes", "0"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ms a frame") == 2


def test_videos_are_cut(drawn_root, tmp_path):
    root = drawn_root
    (tmp_path / "calib").write_text("P2:" + " 1" * 12)
    stereo = tmp_path / "stereo"
    for camera in ("image_02", "image_03"):
        (stereo / "training" / camera).mkdir(parents=True)
        (stereo / "training" / camera / "0000").symlink_to(root / "training/image_02/0000")
    (stereo / "training/calib").mkdir()
    (stereo / "training/calib/0000.txt").write_text("P2:" + " 1" * 12)
    (stereo / "instances_txt").symlink_to(root / "instances_txt")
    data = cut_videos(stereo, "0000", tmp_path / "cut", {"a": 2, "b": 1})
    assert len(list((data / "training/image_03/a").iterdir())) == 2
    rows = (data / "instances_txt/b.txt").read_text().splitlines()
    assert {row.split()[0] for row in rows} == {"0"}
    whole, networks = build_on_simulated_gpu(data, tmp_path / "store", 1, 0.01)
    assert networks == pytest.approx(0.03)
    assert whole > networks
    assert StoreReader(str(tmp_path / "store")).sequences == ("a", "b")
