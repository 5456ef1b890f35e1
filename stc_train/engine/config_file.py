"""Somebody's config: read, changed and built from, with one line for whatever is wrong in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction

from stc_track.io.errors import InputError, SettingError, require_file
from stc_track.io.options import local_path
from stc_train import configs

CONFIGS = Path(configs.__file__).parent
ENDINGS = (".py", ".json", ".yaml", ".yml")


def load_config(name: str, options: Sequence[str] = ()) -> Config:
    """Read a shipped config by name or a user's by path, and change settings.

    Args:
        name: a file name in `stc_train/configs` without `.py`, or a path.
        options: `key=value`, dotted keys, values as MMDetection's `--cfg-options` takes them.

    Raises:
        InputError: no such config, one that does not run or names another that is not there, or an option that is not
            `key=value` or goes through something that is no dictionary or list.
    """
    path = CONFIGS / f"{name}.py"
    if not path.is_file():
        shipped = sorted(file.stem for file in CONFIGS.glob("*_[rl]*[0-9]_*.py"))
        path = require_file(local_path(name), f"a config's path, or one of {', '.join(shipped)}", "`config=`")
    if path.suffix not in ENDINGS:
        raise InputError(
            path,
            expected=f"a config, a file {' or '.join(ENDINGS)}",
            found=path.suffix or "no ending",
            hint="`config=`",
        )
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a program of the user's, which may raise anything
        raise InputError(path, expected="a config that MMEngine reads", found=told(error), hint="`config=`") from error
    change_config(config, options)
    return config


def change_config(config: Config, options: Sequence[str]) -> None:
    """Change settings of a config; `options` and errors as of `load_config`."""
    for option in options:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise SettingError("cfg_options", "KEY=VALUE", f"'{option}'")
        try:
            config.merge_from_dict({key: DictAction._parse_iterable(value)})
        except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
            expected = "a key that leads through the config's dictionaries and lists"
            raise SettingError("cfg_options", expected, f"'{option[:60]}': {told(error)}") from error


@contextmanager
def shaped(config: Config) -> Iterator[None]:
    """Turn what goes wrong in looking through a config, for want of a key or by another type, into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        where, expected = config.filename or "`config=`", "a detector's config, as MMDetection's are"
        raise InputError(
            where, expected=expected, found=told(error), hint="`config=` or `cfg_options=` says it"
        ) from error


@contextmanager
def built_from(config: Config, work_dir: Path) -> Iterator[None]:
    """Turn what MMEngine's registries say of a wrong setting into an InputError, and leave no new folder behind one.

    Args:
        config: that things are built from.
        work_dir: removed after an InputError where it was not there before and holds no checkpoint.
    """
    fresh = not work_dir.exists()
    try:
        try:
            yield
        except (TypeError, KeyError, ValueError, AttributeError, AssertionError, ImportError) as error:
            if not _is_builders(error):
                raise
            expected = "settings that its parts take"
            hint = "`config=` or `cfg_options=` says it"
            raise InputError(config.filename or "`config=`", expected=expected, found=told(error), hint=hint) from error
    except InputError:
        if fresh and not any(work_dir.glob("**/*.pth")):
            shutil.rmtree(work_dir, ignore_errors=True)
        raise


def told(error: BaseException) -> str:
    """An exception in one short line."""
    text = " ".join(str(error).split())
    line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return f"{type(error).__name__}{line}: {text}"[:200] if text else type(error).__name__


def _is_builders(error: BaseException) -> bool:
    """Whether a registry raised it: of an unknown name, or on behalf of the class that it called."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == "mmengine.registry.build_functions":
            return True
        trace = trace.tb_next
    return False
