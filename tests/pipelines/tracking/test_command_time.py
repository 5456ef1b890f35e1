"""The time of whole commands, on a stand-in of a few frames."""

from click.testing import CliRunner

from pipelines.tracking import command_time


def test_the_table_has_the_command_and_its_update(tmp_path):
    folder = tmp_path / "MOT17-02-SDP"
    (folder / "det").mkdir(parents=True)
    (folder / "gt").mkdir()
    lines = [f"{frame},-1,{100 + 3 * frame},80,30,80,0.9" for frame in range(1, 9)]
    (folder / "det" / "det.txt").write_text("\n".join(lines) + "\n")
    (folder / "gt" / "gt.txt").write_text("1,1,103,80,30,80,1,1,1\n")
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nimWidth=640\nimHeight=360\nseqLength=8\n")
    result = CliRunner().invoke(
        command_time.main, ["--root", str(tmp_path), "--repeats", "1", "--no-baselines"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith("8 frames\n")
    *rows, last = result.output.splitlines()[2:]
    assert [line.split("  ")[0] for line in rows] == [
        "update()", "stc-track", "stc-track's start", "reading", "writing"
    ]  # fmt: skip
    assert last.endswith(" x update()")
