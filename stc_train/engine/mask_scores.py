"""A training that trusts pseudo-masks by the score that the store keeps with each."""

from __future__ import annotations

from mmengine.config import Config

from stc_track.io.errors import SettingError
from stc_train.engine.adapt_config import plain
from stc_train.engine.recorded_labels import puzzle_losses

WITHOUT_LABELS = ("pairwise", "none")  # boundary terms that look at no pseudo-mask


def trust_by_score(config: Config, least: float, weigh: bool) -> None:
    """Set in the training pipeline what a mask's score does; a mask's box is learnt whether it counts or not.

    Args:
        config: adapted to the store; changed in place.
        least: masks of a lower score do not count.
        weigh: count each of the others by its score.

    Raises:
        SettingError: the training looks at no pseudo-mask, or cannot weigh them.
    """
    if not least and not weigh:
        return
    name = "weight_by_score" if weigh else "min_mask_score"
    dataset = config.train_dataloader.dataset
    if dataset.get("true_masks") is not None:
        raise SettingError(name, "a training on the store's masks", "one on true masks, which have no score")
    steps = {plain(step["type"]): step for step in dataset.pipeline}
    if "LoadPseudoLabels" in steps:
        terms = {loss.get("boundary", "bce") for loss in puzzle_losses(config.model)}
        if terms and terms <= set(WITHOUT_LABELS):
            raise SettingError(name, "a loss on pseudo-masks", f"boundary='{', '.join(sorted(terms))}'")
        steps["LoadPseudoLabels"].update(min_score=least, weigh=weigh)
    elif "LoadPseudoMasks" in steps:
        if weigh:
            found = "one with losses of its own"
            raise SettingError(name, "a network with the puzzle loss", found, "`min_mask_score=` leaves masks out")
        steps["LoadPseudoMasks"].update(min_score=least)
    else:
        raise SettingError(name, "a pipeline that reads pseudo-masks", "none")
