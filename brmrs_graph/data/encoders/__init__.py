"""Encoders: item texts and pictures to feature vectors, cached by content."""

from brmrs_graph.data.encoders.base import Block, CorpusEncoder, Encoder, Progress
from brmrs_graph.data.encoders.cache import encode_blocks
from brmrs_graph.data.encoders.colors import ColorEncoder
from brmrs_graph.data.encoders.image import EfficientNetLiteEncoder, PictureEncoder, TimmEncoder
from brmrs_graph.data.encoders.items import Encoded, encode_items, item_pictures, item_texts
from brmrs_graph.data.encoders.registry import image_encoder, text_encoder
from brmrs_graph.data.encoders.text import SentenceTransformerEncoder
from brmrs_graph.data.encoders.tfidf import TfidfEncoder
from brmrs_graph.data.encoders.vectors import read_vectors, vector_blocks

__all__ = [
    "Block",
    "ColorEncoder",
    "CorpusEncoder",
    "EfficientNetLiteEncoder",
    "Encoded",
    "Encoder",
    "PictureEncoder",
    "Progress",
    "SentenceTransformerEncoder",
    "TfidfEncoder",
    "TimmEncoder",
    "encode_blocks",
    "encode_items",
    "image_encoder",
    "item_pictures",
    "item_texts",
    "read_vectors",
    "text_encoder",
    "vector_blocks",
]
