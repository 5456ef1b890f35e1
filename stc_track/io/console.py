"""What every command does at the terminal: `-v`, logging, third-party warnings, and former names of flags."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import click

from stc_track.io.errors import UserError, with_flags
from stc_track.io.system_errors import one_line

PACKAGES = ("stc_track", "stc_pseudo", "stc_train", "pipelines")
_VERBOSE = f"{__name__}.verbose"


class Command(click.Command):
    """A command that prints what matters, says more with `-v`, and answers to its flags' former names.

    Args:
        renamed: each former flag and the flag that replaces it, as `{"--limit": "--max-cost"}`. A former flag works
            as the new one does, is absent from `--help`, and prints one warning.
        set_by: what sets a setting that its messages may name and that it has no flag for, as
            `{"rounds": "`stc-pseudo refine --rounds`"}`.
        settings: as of `click.Command`.

    Examples:
        >>> @click.command(cls=Command, renamed={"--limit": "--max-cost"})
        ... @click.option("--max-cost", type=float)
        ... def track(max_cost):
        ...     click.echo(max_cost)
    """

    def __init__(
        self,
        *arguments: Any,
        renamed: Mapping[str, str] | None = None,
        set_by: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self.renamed, self.set_by = dict(renamed or {}), dict(set_by or {})
        self.params.append(
            click.Option(
                ["-v", "--verbose"],
                is_flag=True,
                expose_value=False,
                callback=_remember,
                show_default=False,
                help="Print details, and warnings of third-party libraries.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse `args` with every former flag replaced by its new name."""
        return super().parse_args(ctx, list(self._with_new_names(args)))

    def invoke(self, ctx: click.Context) -> Any:
        """Set up logging, then run the command; bad input, or what the system refuses, ends it with a line."""
        set_up_logging(ctx.meta.get(_VERBOSE, False))
        with one_line():
            try:
                return super().invoke(ctx)
            except UserError as error:
                raise error.with_flags(self.flag_of) from error

    def flag_of(self, setting: str) -> str | None:
        """The flag that sets a setting of this name: `depth_dir` is set by `--depth-dir`; None if the command has none.

        Args:
            setting: spelt as the flag with `_` for `-`, or as the command's argument.
        """
        flag = f"--{setting.replace('_', '-')}"
        options = [param for param in self.params if isinstance(param, click.Option)]
        if any(flag in option.opts for option in options):
            return flag
        named = (max(option.opts, key=len) for option in options if option.name == setting)
        return next(named, self.set_by.get(setting))

    def _with_new_names(self, args: list[str]) -> Iterator[str]:
        warned: set[str] = set()
        arguments = iter(args)
        for argument in arguments:
            if argument == "--":
                yield argument
                break
            flag, equals, value = argument.partition("=")
            new = self.renamed.get(flag)
            if new is not None and flag not in warned:
                warned.add(flag)
                click.echo(f"warning: {flag} is now {new}; the former name goes with version 0.3", err=True)
            yield argument if new is None else f"{new}{equals}{value}"
        yield from arguments


def _remember(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    ctx.meta[_VERBOSE] = value


def is_verbose() -> bool:
    """Whether the running command was called with `-v`; False outside of a command."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and ctx.meta.get(_VERBOSE, False)


def set_up_logging(verbose: bool = False) -> None:
    """Print our packages' messages as plain lines on stderr, other packages' from warnings on.

    Args:
        verbose: print our debug messages as well, and let third-party libraries warn.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        silence_third_party()


class _PlainLines(logging.Formatter):
    """Messages alone, with the running command's flags in place of settings."""

    def format(self, record: logging.LogRecord) -> str:
        ctx = click.get_current_context(silent=True)
        text = super().format(record)
        return with_flags(text, ctx.command.flag_of) if ctx and isinstance(ctx.command, Command) else text


def silence_third_party() -> None:
    """Ignore the warnings of libraries; ours, which begin with a package's name, are shown."""
    for category in (UserWarning, DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category)
    warnings.filterwarnings("default", message=rf"({'|'.join(PACKAGES)})\b", category=FutureWarning)
