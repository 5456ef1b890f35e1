"""Which depth and flow a user chose: small enough to be sent to each worker, which makes them itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stc_pseudo.depth import make_depth_estimator
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_pseudo.flow import make_flow_estimator


@dataclass(frozen=True)
class EstimatorChoice:
    """The arguments of `make_depth_estimator` and `make_flow_estimator`.

    Attributes:
        depth, flow: names of the methods.
        depth_weights, flow_weights, depth_folder, flow_folder: what they read.
        fill_artefacts: of the depth of monodepth2.
        both_directions: take motion from both neighbouring frames.
        device: of the networks.
    """

    depth: str
    flow: str
    depth_weights: Path | None = None
    flow_weights: Path | None = None
    depth_folder: Path | None = None
    flow_folder: Path | None = None
    fill_artefacts: bool = True
    both_directions: bool = False
    device: str = "cpu"

    @property
    def exact(self) -> bool:
        """Whether both are maps that somebody else made."""
        return self.depth == self.flow == "precomputed"

    def on_gpu(self) -> bool:
        """Whether a network would run on a GPU of this machine."""
        from stc_pseudo.nn.devices import require_device

        return (
            bool({self.depth, self.flow} & {"monodepth2", "upflow", "raft"})
            and require_device(self.device).type == "cuda"
        )

    def make(self) -> tuple[DepthEstimator, FlowEstimator]:
        """Load depth and flow; an InputError where something is missing."""
        depth = make_depth_estimator(
            self.depth,
            weights=self.depth_weights,
            folder=self.depth_folder,
            device=self.device,
            fill_artefacts=self.fill_artefacts,
        )
        flow = make_flow_estimator(self.flow, weights=self.flow_weights, folder=self.flow_folder, device=self.device)
        if self.both_directions:
            from stc_pseudo.flow.bidirectional import BidirectionalFlow

            flow = BidirectionalFlow(flow)
        return depth, flow

    def for_workers(self) -> EstimatorChoice:
        """The same with paths that hold in another current folder."""
        paths = {
            name: path and path.absolute()
            for name in ("depth_weights", "flow_weights", "depth_folder", "flow_folder")
            for path in [getattr(self, name)]
        }
        return replace(self, **paths)

    def on_cpu(self) -> EstimatorChoice:
        """The same on the CPU, for a builder that only asks for fingerprints."""
        return replace(self, device="cpu")
