"""What all commands share: one clear message and exit code 2 for bad input or an unusable file, no traceback."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import tyro

from brmrs_graph.errors import BRMRSError, ConfigError, TrainingError

T = TypeVar("T")

BAD_INPUT = 2
INTERRUPTED = 130


def read_options(kind: type[T], arguments: Sequence[str], program: str) -> T:
    """Reads the options of a command that has ``--common``, whose value is made of options itself.

    Args:
        kind: The dataclass of the options.
        arguments: The command-line arguments; ``--common "--x 1"`` works as well as ``--common="--x 1"``.
        program: What the user calls the command.

    Raises:
        SystemExit: With code 2 if an option is unknown or has the wrong type, 0 after ``--help``.
    """
    words = list(arguments)
    if "--common" in words[:-1]:
        at = words.index("--common")
        words[at : at + 2] = [f"--common={words[at + 1]}"]  # its value would be taken for an option
    return tyro.cli(kind, args=words, prog=program)


def line_with(words: Sequence[str], common: str) -> str:
    """The command line of these words and, unless it is empty, ``--common``, for a shell."""
    return shlex.join([*words, f"--common={common}"] if common else words)


def use_threads(count: int) -> None:
    """Sets the CPU threads; 0 leaves torch's choice.

    Raises:
        ConfigError: If ``count`` is negative.
    """
    if count < 0:
        raise ConfigError(f"threads is {count}; give 1 or more, or 0 for torch's choice")
    if count:
        torch.set_num_threads(count)


def show_messages() -> None:
    """Shows on standard error what the library has to tell, such as the recall of approximate neighbours."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("brmrs_graph").setLevel(logging.INFO)


def main(command: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None) -> int:
    """Runs a command and turns its errors into exit codes.

    Args:
        command: Takes the command-line arguments.
        arguments: The arguments (default: those of the process).

    Returns:
        0, or 2 for bad input or a file that cannot be used, 1 for training that failed, 130 after Ctrl-C.
    """
    show_messages()
    try:
        command(sys.argv[1:] if arguments is None else arguments)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (FileExistsError, NotADirectoryError) as error:
        print(f"error: {error.filename}: there is a file where a folder is needed; choose another", file=sys.stderr)
        return BAD_INPUT
    except (BRMRSError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        print(f"\nstopped. {interrupt}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    return 0
