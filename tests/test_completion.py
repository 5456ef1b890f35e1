"""Tab completion of the commands, as docs/how-to/tab-completion.md has it."""

import os
import subprocess
import sys

import pytest

ENTRY = "import sys; sys.argv[0] = {name!r}; from {module} import main; main(prog_name={name!r})"


@pytest.mark.parametrize(
    ("module", "name", "words", "expected"),
    [
        pytest.param("stc_pseudo.cli", "stc-pseudo", "re", {"refine", "report"}, id="command"),
        pytest.param("stc_pseudo.cli", "stc-pseudo", "export --format yo", {"yolo"}, id="format"),
        pytest.param("stc_track.commands.track", "stc-track", "--preset ", {"best", "paper"}, id="preset"),
    ],
)
def test_words_are_completed(module, name, words, expected):
    variable = "_" + name.upper().replace("-", "_") + "_COMPLETE"
    words = f"{name} {words}".split(" ")
    environment = os.environ | {
        variable: "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": f"{len(words) - 1}",
    }
    done = subprocess.run(
        [sys.executable, "-c", ENTRY.format(module=module, name=name)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == expected
