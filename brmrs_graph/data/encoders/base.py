"""What an encoder is, and the few helpers that every encoder shares."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from brmrs_graph.errors import DataError

FloatArray: TypeAlias = npt.NDArray[np.float32]

Block: TypeAlias = tuple[npt.NDArray[np.int64], FloatArray]
"""Some rows of a feature matrix: their numbers, shape ``[b]``, and their vectors, shape ``[b, dim]``."""

Progress: TypeAlias = Callable[[int], object]
"""Called with the number of inputs finished since the last call (``tqdm.update`` fits)."""

Input = TypeVar("Input", contravariant=True)


class Encoder(Protocol[Input]):
    """Turns inputs of one kind (texts, picture files) into vectors.

    A class with these members is an encoder; nothing needs to be inherited or registered.
    """

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    @property
    def dim(self) -> int:
        """Length of one vector."""
        ...

    def fingerprint(self) -> str:
        """Identify the function computed: weights and preprocessing.

        Returns:
            64 hexadecimal digits (SHA-256). Encoders with the same fingerprint give the same vectors.
        """
        ...

    def encode(self, inputs: Sequence[Input], progress: Progress | None = None) -> FloatArray:
        """Encode in batches.

        Args:
            inputs: ``n`` inputs.
            progress: Told how many more inputs are finished, after each batch.

        Returns:
            Vectors of shape ``[n, dim]``, row ``i`` for ``inputs[i]``.

        Raises:
            DataError: If an input cannot be read or the encoder's package is not installed.
        """
        ...


@runtime_checkable
class CorpusEncoder(Protocol[Input]):
    """What an encoder has besides if its vectors depend on all inputs, not only on their own.

    It is fitted before it encodes. Its vectors are not cached by content, since equal content has other vectors in
    another corpus.
    """

    def fit(self, inputs: Sequence[Input]) -> Encoder[Input]:
        """The encoder that these inputs define; its fingerprint covers them."""
        ...


def require(module: str, install: str = "pip install -r requirements-encoders.txt") -> ModuleType:
    """Import an optional package.

    Args:
        module: Name to import.
        install: The command that installs it, for the error message.

    Raises:
        DataError: If it is not installed, or cannot be imported beside the installed torch; the message
            gives the command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise DataError(f"encoding needs the package {error.name!r}, which is not installed. Run: {install}") from error
    except (ImportError, RuntimeError, OSError) as error:  # compiled against another torch, mostly
        raise DataError(
            f"the package {module!r} is installed but cannot be imported ({error}). Reinstall it to match "
            f"torch {torch.__version__}: {install}"
        ) from error


def joint_sha256(*parts: str) -> str:
    """SHA-256 of several strings, none of which may hold a NUL (it separates them)."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def module_sha256(module: torch.nn.Module) -> str:
    """SHA-256 of a network's parameters and buffers: names, types, shapes and values."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{key} {value.dtype} {tuple(value.shape)}\0".encode())
            # Seen as bytes, because NumPy has no bfloat16.
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
