"""`stc-pseudo refine`: a second round of masks, learnt from the first."""

from __future__ import annotations

import click

from stc_track.io.console import Command

BACKBONE = "efficientnet-lite0"


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--out", required=True, help="the new store: a folder or an fsspec URL; STORE stays as it is")
@click.option("--sequences", help="comma-separated names; all, if not given")
@click.option(
    "--init-backbone",
    default=BACKBONE,
    help=f"what sees the crops: '{BACKBONE}' with the weights of the extra `pretrained`, the path of weights of that "
    "network or of torchvision's ResNet-18, -34, -50 or -101, or 'scratch' for random weights",
)
@click.option("--crop", type=click.IntRange(min=32), default=96, help="pixels a side of a crop, a multiple of 32")
@click.option("--rounds", type=click.IntRange(min=1), default=2, help="trainings, each on the masks of the one before")
@click.option("--heads", type=click.IntRange(min=1), default=1, help="networks of a round, whose masks are averaged")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="of weights, crops and batches")
@click.option("--device", default="cpu", help="of the networks: cpu or cuda")
def main(
    store: str,
    out: str,
    sequences: str | None,
    init_backbone: str,
    crop: int,
    rounds: int,
    heads: int,
    seed: int,
    device: str,
) -> None:
    """Learn from the masks of all boxes of STORE, and keep for each box the better of its mask and the network's.

    An interrupted run goes on where it stopped when it is called again.
    """
    from stc_pseudo.nn.devices import require_device
    from stc_pseudo.refine.encoder import make_encoder
    from stc_pseudo.refine.run import refine_store
    from stc_pseudo.refine.settings import RefineSettings
    from stc_pseudo.store.reader import StoreReader
    from stc_track.io.errors import InputError
    from stc_track.io.field_checks import SettingError

    try:
        settings = RefineSettings(crop=crop, rounds=rounds, heads=heads, seed=seed)
    except SettingError as error:
        raise InputError(f"--{error.name.replace('_', '-')}", expected=error.expected, found=error.found) from error
    require_device(device)
    reader = StoreReader(store)
    names = tuple(sequences.split(",")) if sequences else reader.sequences
    try:
        refine_store(reader, out, names, make_encoder(init_backbone, device, seed), settings, device)
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
