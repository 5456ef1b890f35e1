"""The `stc-pseudo` command: one small module a subcommand, imported when it is called."""

from __future__ import annotations

import importlib

import click

SUBCOMMANDS = {
    "build": "Boxes and video to a store of pseudo-labels.",
    "refine": "A second round of masks, learnt from the first.",
    "train-depth": "Train Monodepth2 on video, self-supervised.",
    "train-flow": "Train UPFlow on video, unsupervised.",
    "verify": "Tell what of a store is complete, damaged or orphaned, and repair it.",
    "report": "Rate pseudo-label quality without true masks: a page with pictures, worst first.",
    "inspect": "Measure pseudo-label quality against true masks.",
    "export": "Write a store's pseudo-masks as annotations.",
    "doctor": "Say what is installed, what is missing, and what mends it.",
}


class LazyGroup(click.Group):
    """A group whose `--help` imports none of its subcommands' modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every subcommand's name, in the order of the work."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import `stc_pseudo.commands.{name}` and return its `main`."""
        if name not in SUBCOMMANDS:
            return None
        return importlib.import_module(f"stc_pseudo.commands.{name.replace('-', '_')}").main

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.command(cls=LazyGroup)
def main() -> None:
    """Pseudo-masks for boxed objects in video, from depth and optical flow."""
