"""Find clips without camera motion, from which a monocular training learns nothing.

Zhou et al. (CVPR 2017, section 4) leave out sequences of KITTI whose mean flow is below a pixel. They do not print how
it is computed; here it is per pair of neighbouring frames, by OpenCV's DIS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stc_pseudo.datasets.digests import stat_digest
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.training.clips import Clips
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.progress import Bar

log = logging.getLogger(__name__)

STATIC_FLOW, STATIC_WIDTH = 1.0, 416  # pixels; Zhou et al.'s frames are so wide


def moving_clips(clips: Clips, watched: Iterable[int] | None = None, cache: Path | None = None) -> list[int]:
    """Positions of the clips in which every frame moves: the mean flow is at least a pixel.

    A camera at rest shows no parallax: such clips teach nothing but that depth is infinite. The flow is measured on
    grey frames of `STATIC_WIDTH` pixels.

    Args:
        clips: of some videos.
        watched: positions of the videos that are looked at; the clips of others all stay. None: every video.
        cache: a JSON file where flows are kept for the next training on the same frames (names, sizes and times).

    Raises:
        InputError: none of them moves.
    """
    videos = set(range(len(clips.videos)) if watched is None else watched)
    bar = Bar(sorted(videos), desc="find static frames", unit="video", disable=len(videos) < 2)
    with _kept_flows(cache) as flows:
        moves = {video: [length >= STATIC_FLOW for length in flows(clips.videos[video])] for video in bar}
    kept = [
        index
        for index, (video, start) in enumerate(clips.starts)
        if video not in videos or all(moves[video][start : start + clips.length - 1])
    ]
    log.info("%d of %d clips are static and left out", len(clips) - len(kept), len(clips))
    if not kept:
        raise InputError(
            clips.videos[0][0].parent,
            expected="video from a moving camera",
            found="static frames only",
            hint="`mode=stereo` learns from frames at rest",
        )
    return kept


@contextmanager
def _kept_flows(cache: Path | None) -> Iterator[Callable[[list[Path]], list[float]]]:
    """`_mean_flows`, which takes what the cache has; what it did not have is there when the block ends."""
    try:
        cached = json.loads(cache.read_bytes()) if cache else {}
    except (FileNotFoundError, ValueError):
        cached = {}
    flows_by_video: dict[str, list[float]] = {}

    def flows(video: list[Path]) -> list[float]:
        key = stat_digest(video)
        flows_by_video[key] = cached[key] if key in cached else _mean_flows(video)
        return flows_by_video[key]

    try:
        yield flows
    finally:
        if cache and not flows_by_video.keys() <= cached.keys():
            with replacing(cache, "w") as file:
                json.dump(cached | flows_by_video, file)


def _mean_flows(video: list[Path]) -> list[float]:
    """Mean flow magnitude between each frame and the next, in pixels at `STATIC_WIDTH`."""
    import cv2

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flows, before = [], None
    for path in video:
        grey = cv2.cvtColor(read_frame(path), cv2.COLOR_RGB2GRAY)
        height = round(grey.shape[0] * STATIC_WIDTH / grey.shape[1])
        grey = cv2.resize(grey, (STATIC_WIDTH, height), interpolation=cv2.INTER_AREA)
        if before is not None:
            flows.append(float(np.linalg.norm(dis.calc(before, grey, None), axis=-1).mean()))
        before = grey
    return flows
