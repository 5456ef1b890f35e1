"""Terms that this project no longer uses, and the field's own for each (CONTRIBUTING.md has the glossary)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

# Former names are listed in the first; the second is this list, and the third tests it.
EXEMPT = {"CHANGELOG.md", "pipelines/checks/words.py", "tests/test_words.py"}
RETIRED = {
    r"spoil(s|t|ed|ing)?": "noisy or perturbed detections, corrupted files",
    r"\bdoors?\b": "interface, protocol",
    r"\bevidence\b": "accumulated score",
    r"\b(given|gives?|giving|gave) out\b": "output, emitted",
    r"whose the largest": "majority instance per cell",
    r"piece_share": "coverage",
    r"nearer_right": "occlusion_margin",
    r"prior_pull|GROUND_PULL|BELIEF_PULL|free passage": "unary weight, unit edge weight",
    r"claim(s|ed|ing)?\b": "a box's foreground probability; a pixel that several masks cover",
    r"taken_by_others": "occluded_by_others",
    r"tells? apart|told apart": "features, affinities",
    r"speakers?": "top-k locations per box",
    r"blurred belief|beliefs": "mask probability",
    r'(?<!"--)\bveto\b': "network weight",
    r"mend=": "hint=",
    r"\bmade_from\b": "provenance",
    r"young_weight": "new_track_penalty",
    r"\bcoast(s|ing)?\b": "velocity_decay; a missing track",
    r"_take_in\b|def see\(|\.see\(|\b_follow\(": "update, _update_tracks, _compensate_camera_motion",
    r"\bItem\b": "TrackedObject",
    r"(?<!min-)sightings": "hits",
    r"leads? home|classical start": "forward-backward consistency, DIS initialisation",
    r"\bsettle[sd]?\b": "blend; choose",
    r"two_sided|TwoSided": "bidirectional",
    r"holes at infinity|WithoutHoles|depth_holes": "infinite-depth artefacts",
    r"strangeness": "residual to the compositing line",
    r"\bfill_in\b|engine[./]own_config": "complete_config, adapt_config",
    r"SeededDraws|BatchOrder": "sampler",
    r"track_names|TrackNames": "TrackIdAllocator",
    r"\binspection\b": "evaluation",
    r"SAME_OBJECT": "MATCH_IOU",
    r"\bArm\b|--arms|\bpeers\b": "variant, baseline",
    r"\bas Many\b": "VideoSequence",
    r"throw-away|in so far as": "plain present-day English",
    r"\bshall\b|\banew\b|\bhitherto\b|\bthereof\b|\bwherein\b|\bwhereby\b": "plain present-day English",
}


def tracked_texts(root: Path) -> dict[str, str]:
    """Code and documents of a checkout by name, but for `EXEMPT`."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.py", "*.md"], cwd=root, capture_output=True, check=True)
    names = (name for name in listed.stdout.decode().split("\0") if name and name not in EXEMPT)
    return {name: (root / name).read_text("utf-8") for name in names if (root / name).is_file()}


def occurrences(pattern: str, texts: Mapping[str, str]) -> Iterator[str]:
    """Where a pattern occurs, `file:line: text`; a pattern in lower case stands for capitals as well."""
    word = re.compile(pattern, re.IGNORECASE if pattern.islower() else 0)
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if word.search(line):
                yield f"{name}:{number}: {line.strip()[:80]}"


def retired_terms(root: Path) -> list[str]:
    """Every occurrence of a retired term in a checkout."""
    texts = tracked_texts(root)
    return [place for pattern in RETIRED for place in occurrences(pattern, texts)]
