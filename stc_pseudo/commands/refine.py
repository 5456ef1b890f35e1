"""`stc-pseudo refine`: a second round of masks, learnt from the first."""

from __future__ import annotations

import click

from stc_pseudo.commands.dataset_flags import max_pixels_option
from stc_pseudo.refine.settings import RefineSettings
from stc_track.io.config_option import config_options, current_config
from stc_track.io.console import Command

BACKBONE = "efficientnet-lite0"
DEFAULTS = RefineSettings()
TABLE_KEYS = {name: f"refine.{name}" for name in ("crop", "rounds", "heads", "seed")}


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@config_options({"refine": RefineSettings}, TABLE_KEYS)
@click.option("--out", required=True, help="The new store: a folder or an fsspec URL; STORE stays as it is.")
@click.option("--sequences", help="Comma-separated names; all, if not given.")
@max_pixels_option
@click.option(
    "--init-backbone",
    default=BACKBONE,
    help=f"What sees the crops: '{BACKBONE}' with the weights of the extra `pretrained`, the path of weights of that "
    "network or of torchvision's ResNet-18, -34, -50 or -101, or 'scratch' for random weights.",
)
@click.option("--crop", default=DEFAULTS.crop, help="Pixels a side of a crop, a multiple of 32.")
@click.option("--rounds", default=DEFAULTS.rounds, help="Trainings, each on the masks of the one before.")
@click.option("--heads", default=DEFAULTS.heads, help="Networks of a round, whose masks are averaged.")
@click.option("--seed", default=DEFAULTS.seed, help="Of weights, crops and batches.")
@click.option("--device", default="auto", help="Of the networks: cpu, cuda, or auto for cuda where there is one.")
def main(
    store: str, out: str, sequences: str | None, init_backbone: str, device: str, print_config: bool, **_: int
) -> None:
    """Learn from the masks of all boxes of STORE, and keep for each box the better of its mask and the network's.

    An interrupted run goes on where it stopped when it is called again.
    """
    settings = current_config().settings("refine", RefineSettings)
    if print_config:
        click.echo(current_config().text({"refine": settings}), nl=False)
        return
    from stc_pseudo.nn.devices import require_device
    from stc_pseudo.refine.encoder import make_encoder
    from stc_pseudo.refine.refine_store import refine_store
    from stc_pseudo.store.reader import StoreReader

    device = str(require_device(device))
    reader = StoreReader(store)
    names = tuple(sequences.split(",")) if sequences else reader.sequences
    encoder = make_encoder(init_backbone, device, settings.seed)
    try:
        refine_store(reader, out, names, encoder, settings, device)
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
