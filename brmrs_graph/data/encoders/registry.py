"""Encoders by name."""

from __future__ import annotations

from pathlib import Path

from brmrs_graph.data.encoders.base import Encoder
from brmrs_graph.data.encoders.image import EfficientNetLiteEncoder, TimmEncoder
from brmrs_graph.data.encoders.text import MINILM, SentenceTransformerEncoder
from brmrs_graph.errors import DataError


def text_encoder(name: str = "minilm") -> Encoder[str]:
    """Find a text encoder.

    Args:
        name: ``minilm`` (or ``all-MiniLM-L6-v2``), or any sentence-transformers name or folder.

    Returns:
        The encoder; its model is loaded when first needed.
    """
    return SentenceTransformerEncoder(MINILM if name == "minilm" else name)


def image_encoder(name: str = "efficientnet-lite0") -> Encoder[Path]:
    """Find an image encoder.

    Args:
        name: ``efficientnet-lite0``, or ``timm:NAME`` for any timm model.

    Returns:
        The encoder.

    Raises:
        DataError: If there is no such encoder, or timm cannot load it.
    """
    if name == "efficientnet-lite0":
        return EfficientNetLiteEncoder()
    if name.startswith("timm:"):
        return TimmEncoder(name.removeprefix("timm:"))
    raise DataError(f"no image encoder {name!r}: use 'efficientnet-lite0', or 'timm:NAME' for any timm model")
