"""Boxes and video to pseudo-masks: depth and flow, similarity, fusion, puzzle pieces, and their Zarr store.

The public names are imported when they are first asked for (PEP 562), so that `import stc_pseudo` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stc_track.io.lazy_names import lazy_names

if TYPE_CHECKING:
    from stc_pseudo.building.build_store import build
    from stc_pseudo.settings import LabelSettings
    from stc_pseudo.store.reader import StoreReader
    from stc_pseudo.store.writer import StoreWriter

__all__ = ["LabelSettings", "StoreReader", "StoreWriter", "build"]
__getattr__ = lazy_names(
    __name__,
    {
        "LabelSettings": "stc_pseudo.settings",
        "StoreReader": "stc_pseudo.store.reader",
        "StoreWriter": "stc_pseudo.store.writer",
        "build": "stc_pseudo.building.build_store",
    },
)
