"""Encoders by name."""

from __future__ import annotations

from pathlib import Path

from brmrs_graph.data.encoders.base import Encoder
from brmrs_graph.data.encoders.colors import ColorEncoder
from brmrs_graph.data.encoders.image import EfficientNetLiteEncoder, TimmEncoder
from brmrs_graph.data.encoders.text import MINILM, SentenceTransformerEncoder
from brmrs_graph.data.encoders.tfidf import TfidfEncoder
from brmrs_graph.data.encoders.vectors import PREFIX
from brmrs_graph.errors import DataError


def text_encoder(name: str = "minilm") -> Encoder[str]:
    """Find a text encoder.

    Args:
        name: ``minilm`` (or ``all-MiniLM-L6-v2``), ``tfidf``, which needs no further package and has to be fitted
            to the texts, or any sentence-transformers name or folder.

    Returns:
        The encoder; its model is loaded when first needed.

    Raises:
        DataError: If the name is that of a file of vectors, which cannot encode anything.
    """
    _refuse_file(name)
    if name == TfidfEncoder.name:
        return TfidfEncoder()
    return SentenceTransformerEncoder(MINILM if name == "minilm" else name)


def image_encoder(name: str = "efficientnet-lite0") -> Encoder[Path]:
    """Find an image encoder.

    Args:
        name: ``efficientnet-lite0``, ``colors``, which needs no further package, or ``timm:NAME`` for any timm model.

    Returns:
        The encoder.

    Raises:
        DataError: If there is no such encoder, or timm cannot load it.
    """
    _refuse_file(name)
    if name == ColorEncoder.name:
        return ColorEncoder()
    if name == "efficientnet-lite0":
        return EfficientNetLiteEncoder()
    if name.startswith("timm:"):
        return TimmEncoder(name.removeprefix("timm:"))
    raise DataError(
        f"no image encoder {name!r}: use 'efficientnet-lite0', 'colors', 'timm:NAME' for any timm model, or "
        f"'{PREFIX}PATH' for vectors made elsewhere"
    )


def _refuse_file(name: str) -> None:
    if name.startswith(PREFIX):
        raise DataError(f"{name!r} holds vectors of items and cannot encode others; name an encoder")
