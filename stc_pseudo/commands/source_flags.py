"""The flags of `stc-pseudo build` that say where depth and flow come from, and the estimators they lead to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stc_pseudo import shipped
from stc_pseudo.building.sources import AUTO, LAYOUT_DEPTH, LAYOUT_FLOW, Source, choose_depth, choose_flow
from stc_pseudo.commands.dataset_flags import DatasetFlags
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.building.estimator_choice import EstimatorChoice
    from stc_pseudo.datasets.base import VideoSequence
    from stc_track.io.remote_path import AnyPath

log = logging.getLogger(__name__)

DEMO_WEIGHTS = {"depth": shipped.DEPTH, "flow": shipped.FLOW}
REMOTE_FITS = Path("runs/weights")  # of stores that are no folder

SOURCE_OPTIONS = (
    click.option(
        "--depth",
        "depth_name",
        type=click.Choice([AUTO, "monodepth2", "sgbm", "precomputed"]),
        default=AUTO,
        help="Where depth comes from; auto takes maps or weights that are named, maps in the data set's layout, "
        "stereo, or trains Monodepth2 on these very frames first.",
    ),
    click.option("--depth-weights", type=PATH, help="Checkpoint for monodepth2."),
    click.option(
        "--fit-minutes",
        type=click.FloatRange(min=0),
        default=10.0,
        help="Of training where --depth auto finds nothing else; more make depth sharper. The weights stay beside the "
        "store for later builds. 0 takes the small network that is shipped, as it is.",
    ),
    click.option(
        "--depth-artefacts",
        type=click.Choice(["fill", "keep"]),
        default="fill",
        help="Infinite-depth artefacts of monodepth2, which sees objects that move with the camera infinitely far: "
        "give them the depth of the ground below them, or keep them.",
    ),
    click.option("--depth-dir", type=PATH, help="Folder of {sequence}/{frame}.png, .npy or .pfm for precomputed."),
    click.option(
        "--flow",
        "flow_name",
        type=click.Choice([AUTO, "upflow", "raft", "dis", "precomputed"]),
        default=AUTO,
        help="Where optical flow comes from; auto takes maps or weights that are named, maps in the data set's layout, "
        "or OpenCV's DIS.",
    ),
    click.option("--flow-weights", type=PATH, help="Checkpoint for upflow, or torchvision's weights for raft."),
    click.option("--flow-dir", type=PATH, help="Folder of {sequence}/{frame}.png, .npy, .flo or .pfm for precomputed."),
    click.option(
        "--flow-directions",
        type=click.Choice(["next", "both"]),
        default="next",
        help="Frames to estimate motion from; both takes the previous one where a pixel is occluded in the next, in "
        "twice the time.",
    ),
)


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `SourceFlags`, but for `--device`."""
    for option in reversed(SOURCE_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class SourceFlags:
    """What a user said of depth and flow; an option each, and `device`, where networks run."""

    depth_name: str
    depth_weights: Path | None
    fit_minutes: float
    depth_artefacts: str
    depth_dir: Path | None
    flow_name: str
    flow_weights: Path | None
    flow_dir: Path | None
    flow_directions: str
    device: str

    @classmethod
    def take(cls, values: dict[str, Any]) -> SourceFlags:
        """Take the flags of this class out of a command's arguments."""
        return cls(**{field.name: values.pop(field.name) for field in fields(cls)})

    def exact(self, data: DatasetFlags) -> bool:
        """Whether `choose` would lead to exact maps; nothing is trained for the answer."""
        if not {self.depth_name, self.flow_name} <= {AUTO, "precomputed"}:
            return False
        videos = data.read() if AUTO in (self.depth_name, self.flow_name) else ()
        depth = self._depth_at_hand(data, videos)
        return depth is not None and depth.name == self._flow(data, videos).name == "precomputed"

    def choose(self, data: DatasetFlags, videos: Sequence[VideoSequence], store: str) -> EstimatorChoice:
        """Return which estimators to make; trains a depth network where nothing else is there.

        Args:
            data: which data set the videos are of.
            videos: what is built.
            store: path or URL; a network that is trained is kept beside it.

        Raises:
            InputError: a source lacks what it needs.
        """
        from stc_pseudo.building.estimator_choice import EstimatorChoice

        depth, flow = self._depth(data, videos, store), self._flow(data, videos)
        return EstimatorChoice(
            depth.name,
            flow.name,
            depth.weights,
            flow.weights,
            depth.folder,
            flow.folder,
            fill_artefacts=self.depth_artefacts == "fill",
            both_directions=self.flow_directions == "both",
            device=self.device,
        )

    def _depth_at_hand(self, data: DatasetFlags, videos: Sequence[VideoSequence]) -> Source | None:
        weights, folder = self._own(data, "depth", self.depth_weights, self.depth_dir, LAYOUT_DEPTH)
        if self.depth_name != AUTO:
            return Source(self.depth_name, "--depth names it", weights, folder)
        return choose_depth(videos, weights=weights, folder=self.depth_dir, layout=_layout(data))

    def _depth(self, data: DatasetFlags, videos: Sequence[VideoSequence], store: str) -> Source:
        source = self._depth_at_hand(data, videos)
        if source is None and not self.fit_minutes:
            source = Source("monodepth2", "the shipped network, of rendered streets", shipped.DEPTH)
        elif source is None:
            from stc_pseudo.depth.training.budget import Fit
            from stc_pseudo.nn.devices import require_device

            place = REMOTE_FITS if "://" in store else Path(f"{store.rstrip('/')}.weights")
            fitted = Fit(place, self.fit_minutes, str(require_device(self.device))).run(videos)
            source = Source("monodepth2", f"trained on these frames, {fitted}", fitted)
        if self.depth_name == AUTO:
            log.info("depth: %s (%s)", source.name, source.reason)
        return source

    def _flow(self, data: DatasetFlags, videos: Sequence[VideoSequence]) -> Source:
        weights, folder = self._own(data, "flow", self.flow_weights, self.flow_dir, LAYOUT_FLOW)
        if self.flow_name != AUTO:
            return Source(self.flow_name, "--flow names it", weights, folder)
        source = choose_flow(videos, weights=weights, folder=self.flow_dir, layout=_layout(data))
        log.info("flow: %s (%s)", source.name, source.reason)
        return source

    @staticmethod
    def _own(
        data: DatasetFlags, kind: str, weights: Path | None, folder: Path | None, layout: Path
    ) -> tuple[Path | None, Path | None]:
        """Weights and folder as named; the demo brings its own of both."""
        if data.dataset != "demo":
            return weights, folder
        return weights or DEMO_WEIGHTS[kind], folder or data.folder / layout


def _layout(data: DatasetFlags) -> AnyPath | None:
    """The folder in whose layout maps may lie; none for video of one's own."""
    return data.folder if data.dataset == "kitti" else None
