"""Settings of the optimisation that the self-supervised trainings of depth and flow share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from stc_pseudo.nn.devices import require_device
from stc_track.io.field_checks import Between, Count, Positive, PositiveCount, Share, check

T = TypeVar("T")
ValidationShare = Annotated[float, Between(0, 1, below=True)]


@dataclass(frozen=True)
class OptimiserSettings:
    """How long and how fast a network learns, and where.

    Attributes:
        steps: optimisation steps; more take longer, and gain less and less.
        epochs: passes over the data, in place of `steps`.
        batch_size: clips per step; more make steps steadier, and cost memory.
        learning_rate: Adam's; a tenth of it after `drop_after` of the steps (paper, IV-D1: 1e-4, then 1e-5). Too high a
            rate diverges, too low a one learns slowly.
        drop_after: share of the steps before the drop; 0.75 of 20 epochs are the paper's 15.
        seed: of the weights, the batches' order and the augmentation.
        device: `cpu`, `cuda`, ...
        workers: processes that read frames.
        precision: what the networks compute in, a key of `stc_pseudo.nn.precision.PRECISIONS`.
        half: store the weights in half precision, at half the size.
        resume: go on where an interrupted run with the same output and settings stopped.
        log_dir: for TensorBoard and a picture of every epoch, or None.
    """

    steps: PositiveCount = 20_000
    epochs: PositiveCount | None = None
    batch_size: PositiveCount = 12
    learning_rate: Positive = 1e-4
    drop_after: Share = 0.75
    seed: int = 0
    device: str = "cpu"
    workers: Count = 0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    half: bool = False
    resume: bool = False
    log_dir: Path | None = None

    def __post_init__(self) -> None:
        check(self)
        require_device(self.device)


def training_settings(kind: type[T], **values: Any) -> T:
    """Settings of a training from values by name, those of its optimiser among them, as flags give them.

    Args:
        kind: a settings class with a field `optimiser`, whose default holds for what is not given.
        values: of the class's fields and of `OptimiserSettings`.
    """
    names = {field.name for field in fields(OptimiserSettings)}
    default: Any = next(field.default_factory for field in fields(kind) if field.name == "optimiser")()
    others = {name: value for name, value in values.items() if name not in names}
    optimiser = replace(default, **{name: values[name] for name in names & values.keys()})
    return kind(optimiser=optimiser, **others)


def recorded(settings: Any) -> dict[str, Any]:
    """Fields of a training's settings by name, without the optimiser, which `fit` records itself."""
    return {name: value for name, value in asdict(settings).items() if name != "optimiser"}
