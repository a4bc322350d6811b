"""Encoders: item texts and pictures to feature vectors, cached by content."""

from brmrs_graph.data.encoders.base import Encoder, Progress
from brmrs_graph.data.encoders.cache import encode_cached
from brmrs_graph.data.encoders.image import EfficientNetLiteEncoder, PictureEncoder, TimmEncoder
from brmrs_graph.data.encoders.items import encode_items, item_pictures, item_texts
from brmrs_graph.data.encoders.registry import image_encoder, text_encoder
from brmrs_graph.data.encoders.text import SentenceTransformerEncoder

__all__ = [
    "EfficientNetLiteEncoder",
    "Encoder",
    "PictureEncoder",
    "Progress",
    "SentenceTransformerEncoder",
    "TimmEncoder",
    "encode_cached",
    "encode_items",
    "image_encoder",
    "item_pictures",
    "item_texts",
    "text_encoder",
]
