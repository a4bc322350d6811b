"""Encode once: vectors kept by what made them, the encoder and the content of the input.

The store is one folder for each encoder fingerprint, holding shards that are written once, under a
temporary name, and then renamed. So a shard is whole or absent, a killed run goes on where it stopped,
two runs may share the folder, and growing it never rewrites what is there.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from brmrs_graph.data.encoders.base import Block, Encoder, FloatArray, Progress
from brmrs_graph.errors import DataError

T = TypeVar("T")
_SHARD = 256  # vectors; what a killed run may lose


def encode_blocks(
    encoder: Encoder[T],
    inputs: Sequence[T],
    keys: Sequence[bytes],
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """Encode the inputs that the cache lacks, and take the others from it.

    Inputs of equal content are encoded once.

    Args:
        encoder: Any encoder.
        inputs: ``n`` inputs.
        keys: ``n`` content hashes: equal for inputs of equal content, different otherwise.
        cache_dir: Folder of the cache, made if absent. Default: nothing is kept.
        progress: Told how many more of the ``n`` inputs are finished; those in the cache count at once.

    Yields:
        Rows below ``n`` and their vectors, every row once, in no particular order.

    Raises:
        ValueError: If ``inputs`` and ``keys`` differ in length.
        DataError: If an input cannot be encoded, or its vector holds a value that is not finite.
    """
    fingerprint = encoder.fingerprint()
    entries = [hashlib.sha256(fingerprint.encode() + key).digest() for key in keys]
    rows: dict[bytes, list[int]] = {}
    for row, (_, entry) in enumerate(zip(inputs, entries, strict=True)):
        rows.setdefault(entry, []).append(row)
    folder = None if cache_dir is None else Path(cache_dir) / fingerprint

    def block(found: Sequence[bytes], values: FloatArray) -> Block:
        places = [rows.pop(entry) for entry in found]
        return np.concatenate(places), np.repeat(values, [len(place) for place in places], axis=0)

    if folder is not None:
        for found, values in _stored(folder, rows, encoder.dim):
            if found:
                yield block(found, values)
    if progress is not None:
        progress(len(inputs) - sum(map(len, rows.values())))

    missing = list(rows)
    for start in range(0, len(missing), _SHARD):
        chunk = missing[start : start + _SHARD]
        sources = [rows[entry][0] for entry in chunk]
        repeats = sum(len(rows[entry]) - 1 for entry in chunk)
        values = encoder.encode([inputs[row] for row in sources], progress)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            culprit = inputs[sources[int(finite.argmin())]]
            raise DataError(f"the encoder {encoder.name!r} gave a value that is not finite for {culprit!r}")
        if folder is not None:
            _store(folder, chunk, values)
        yield block(chunk, values)
        if progress is not None and repeats:
            progress(repeats)


def _stored(folder: Path, wanted: dict[bytes, list[int]], dim: int) -> Iterator[tuple[list[bytes], FloatArray]]:
    """Those of the wanted entries that the folder holds, shard by shard, each once."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as shard:
                entries = [row.tobytes() for row in shard.get_tensor("keys")]
                chosen = [index for index, entry in enumerate(entries) if entry in wanted]
                values = shard.get_tensor("vectors") if chosen else np.empty((len(entries), dim), np.float32)
            if values.shape != (len(entries), dim):
                raise ValueError(f"vectors of shape {values.shape}, not {(len(entries), dim)}")
        except (SafetensorError, OSError, ValueError) as error:
            warnings.warn(f"encoder cache: {path} is damaged ({error}); its items are encoded again", stacklevel=3)
            path.unlink(missing_ok=True)
            continue
        yield [entries[index] for index in chosen], values[chosen]


def _store(folder: Path, entries: Sequence[bytes], values: FloatArray) -> None:
    """Write one shard, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    keys: npt.NDArray[np.uint8] = np.frombuffer(b"".join(entries), dtype=np.uint8).reshape(-1, 32)
    path = folder / f"{hashlib.sha256(keys.tobytes()).hexdigest()[:32]}.safetensors"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        save_file({"keys": keys, "vectors": np.ascontiguousarray(values, dtype=np.float32)}, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
