from click.testing import CliRunner

from pipelines.cost.report import main


def test_a_small_report_is_timed(tmp_path):
    done = CliRunner().invoke(main, ["--instances", "20", "--pictures", "3", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "20 instances on 2 frames, 3 pictures: " in done.output
    assert "page of 0." in done.output
