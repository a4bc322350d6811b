"""What all commands share: one clear message and exit code 2 for bad input or an unusable file, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from brmrs_graph.errors import BRMRSError, TrainingError

BAD_INPUT = 2
INTERRUPTED = 130


def main(command: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None) -> int:
    """Runs a command and turns its errors into exit codes.

    Args:
        command: Takes the command-line arguments.
        arguments: The arguments (default: those of the process).

    Returns:
        0, or 2 for bad input or a file that cannot be used, 1 for training that failed, 130 after Ctrl-C.
    """
    try:
        command(sys.argv[1:] if arguments is None else arguments)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BRMRSError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        print(f"\nstopped. {interrupt}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    return 0
