"""The paper's tables as rows: what they say is what the commands take."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.paper.__main__ import main
from pipelines.paper.rows import chosen_rows, read_tables
from pipelines.paper.run import plain
from stc_pseudo.datasets.kitti import MOTS_TRAINING, MOTS_VALIDATION
from stc_track.io.errors import InputError

TABLES = read_tables()
ROWS = {f"{number} {name}": row for number, table in TABLES.items() for name, row in table.rows.items()}


def test_the_tables_are_all_there():
    counts = {number: len([row for row in table.rows.values() if row.paper]) for number, table in TABLES.items()}
    assert counts == {"III": 3, "IV": 6, "V": 4, "VI": 3, "VII": 12, "VIII": 3, "IX": 6, "X": 4}
    printed = TABLES["III"].rows["depth and flow"].paper
    for number, name in (("IV", "L'_dice, L_bd"), ("V", "3"), ("VI", "2"), ("VII", "0.3, 0.4"), ("VIII", "DP+SD")):
        assert TABLES[number].rows[name].paper["HOTA"] == printed["HOTA"]  # the same system in every table


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_s_flags_are_the_commands(row):
    from stc_pseudo.commands.build import main as build
    from stc_track.commands.track import main as track

    build.make_context("build", ["--dataset", "kitti", "--preset", row.preset, *row.build])
    done = CliRunner().invoke(
        track, ["p", "--out", "r", "--preset", row.track_preset or row.preset, *row.track, "--print-config"]
    )
    assert done.exit_code == 0, done.output
    assert {metric: len(values) for metric, values in row.paper.items()} in (
        {},
        *(dict.fromkeys(row.paper, size) for size in (1, 2)),
    )


def test_files_of_rows_have_names_of_their_own():
    for number, table in TABLES.items():
        assert len({plain(name) for name in table.rows}) == len(table.rows), number


def test_the_official_split_has_every_sequence_once():
    assert (len(MOTS_TRAINING), len(MOTS_VALIDATION)) == (12, 9)
    assert sorted(MOTS_TRAINING + MOTS_VALIDATION) == [f"{k:04d}" for k in range(21)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--table", "II"], "--table: expected some of III, IV"),
        (["--table", "III", "--rows", "sound"], "--rows: expected rows of Table III: depth; flow"),
        (["--data", "kitti"], "--root: expected the folder of --data kitti, found none"),
        (["--seeds", "one"], "--seeds: expected whole numbers"),
        (["--report", "page.md", "--out", "nothing"], "expected rows that are done, found none"),
    ],
    ids=["table", "row", "root", "seeds", "nothing to report"],
)
def test_what_cannot_be_is_one_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_a_wrong_row_is_named(tmp_path: Path):
    path = tmp_path / "rows.toml"
    path.write_text('[III]\ntitle = "a"\nmetrics = ["AP"]\nreference = "b"\n[III.rows."c"]\ndepth = "true"\n')
    with pytest.raises(InputError, match=r"III.c: expected differences from a row of the table, found b"):
        read_tables(path)
    path.write_text('[III]\ntitle = "a"\nmetrics = ["AP"]\n[III.rows."c"]\ndepth = "lidar"\n')
    with pytest.raises(InputError, match=r"III.c.depth: expected one of 'predicted', 'true', found"):
        read_tables(path)
    assert chosen_rows(TABLES["V"], "V", ["3", "1"]) == ["1", "3"]
