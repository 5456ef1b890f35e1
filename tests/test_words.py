"""Code and documents use the field's words: retired terms do not come back."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What CHANGELOG.md lists as former names, and this list itself.
EXEMPT = {"CHANGELOG.md", "tests/test_words.py"}
RETIRED = {
    r"spoil(s|t|ed|ing)?": "noisy or perturbed detections, corrupted files",
    r"doors? behind": "interface, protocol",
    r"nearer_right": "occlusion_margin",
    r"prior_pull|GROUND_PULL|BELIEF_PULL|free passage": "unary weight, unit edge weight",
    r"taken_by_others": "occluded_by_others",
    r"tells? apart|told apart": "features, affinities",
    r"speakers?": "top-k locations per box",
    r"blurred belief|beliefs": "mask probability",
    r"mend=": "hint=",
    r"piece_share": "coverage",
    r"holes at infinity|WithoutHoles|depth_holes": "infinite-depth artefacts",
    r"strangeness": "residual to the compositing line",
    r"leads? home|classical start": "forward-backward consistency, DIS initialisation",
    r"SeededDraws|BatchOrder": "sampler",
    r"SAME_OBJECT": "MATCH_IOU",
    r"\bArm\b|--arms|\bpeers\b": "variant, baseline",
    r"throw-away|in so far as": "plain present-day English",
    r"\bshall\b|\banew\b|\bhitherto\b|\bthereof\b|\bwherein\b|\bwhereby\b": "plain present-day English",
}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z", "*.py", "*.md"], cwd=ROOT, capture_output=True, check=True)
    return [name for name in listed.stdout.decode().split("\0") if name and name not in EXEMPT]


@pytest.fixture(scope="module")
def texts():
    return {name: (ROOT / name).read_text() for name in tracked() if (ROOT / name).is_file()}


def occurrences(pattern, texts):
    word = re.compile(pattern, re.IGNORECASE if pattern.islower() else 0)
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(line)
    ]


@pytest.mark.parametrize("pattern", RETIRED, ids=lambda pattern: re.split(r"[|(?]", pattern.replace(r"\b", ""))[0])
def test_retired_terms_stay_away(pattern, texts):
    assert occurrences(pattern, texts) == [], f"say: {RETIRED[pattern]}"


def test_a_retired_term_is_found():
    assert occurrences(r"\bshall\b", {"page.md": "It shall be.\nMarshall"}) == ["page.md:1: It shall be."]
