"""Detections to tracks: the tracker, the file formats and the evaluation. Needs no torch.

The public names are imported when they are first asked for (PEP 562), so that `import stc_track` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stc_track.io.lazy_names import lazy_names

if TYPE_CHECKING:
    from stc_track.tracking.class_trackers import ClassTrackers
    from stc_track.tracking.link import link
    from stc_track.tracking.settings import TrackerSettings
    from stc_track.tracking.tracker import Tracker
    from stc_track.tracking.types import Detections, Tracks

__all__ = ["ClassTrackers", "Detections", "Tracker", "TrackerSettings", "Tracks", "link"]
__getattr__ = lazy_names(
    __name__,
    {
        "ClassTrackers": "stc_track.tracking.class_trackers",
        "Detections": "stc_track.tracking.types",
        "Tracker": "stc_track.tracking.tracker",
        "TrackerSettings": "stc_track.tracking.settings",
        "Tracks": "stc_track.tracking.types",
        "link": "stc_track.tracking.link",
    },
)
