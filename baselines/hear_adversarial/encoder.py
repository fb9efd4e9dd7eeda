"""The convolutional encoder: EfficientNet-B0 or a small CNN, global max pooling, and three ways to know positions.

A CNN detects local patterns, and pooling discards where they were (arXiv 2303.08561, introduction). What position cue
the network has is therefore part of the method:

* ``V0``: none beyond the border that zero padding leaves; the faithful variant (derived).
* ``V1``: two coordinate channels, f / F and t / T (choice).
* ``V2``: maximum over time only; two frequency rows (64 / 32) stay apart, twice the features (choice).

Tags (confirmed, derived, choice) as in README.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from hear_adversarial.front_end import N_MELS
from hear_audiomosaic.errors import EncoderError

__all__ = ["SIZES", "VARIANTS", "ConvEncoder", "ConvSize", "Projection", "get_size", "plain_cnn"]

VARIANTS = ("V0", "V1", "V2")
MEAN, STD = -4.5, 3.0  # of log-mels of real clips, roughly (choice): brings the mean to 0, the value of the padding
STRIDE = 32
_EFFICIENTNET = "efficientnet_b0"


@dataclass(frozen=True)
class ConvSize:
    """A trunk.

    Attributes:
        name: "base", "small", "tiny" or "micro".
        widths: channels of the five stages, each of stride 2; None for EfficientNet-B0.
        convs: convolutions per stage.
        features: channels after the last stage.
    """

    name: str
    widths: tuple[int, ...] | None
    convs: int
    features: int


SIZES = {
    "base": ConvSize("base", widths=None, convs=0, features=1280),
    "small": ConvSize("small", widths=(32, 64, 128, 256, 512), convs=2, features=512),
    "tiny": ConvSize("tiny", widths=(24, 48, 96, 192, 384), convs=2, features=384),
    "micro": ConvSize("micro", widths=(16, 32, 64, 128, 256), convs=1, features=256),
}


def get_size(name: str) -> ConvSize:
    """The size of that name; an error lists the sizes there are."""
    if name not in SIZES:
        raise EncoderError(f"There is no size '{name}'; the sizes are {', '.join(SIZES)}.")
    return SIZES[name]


class ConvEncoder(nn.Module):
    """Log-mel windows to one vector each.

    Args:
        size: the trunk; "base" needs timm.
        variant: position cue: "V0", "V1" or "V2".
        padding: "zeros", or "circular" (not for "base"), with which the network is blind to circular shifts by
            multiples of its stride of 32.

    Attributes:
        n_features: D: 1280 for EfficientNet-B0, twice that with V2.

    Raises:
        EncoderError: unknown variant or padding, or timm is missing.
    """

    def __init__(self, size: ConvSize, *, variant: str = "V0", padding: str = "zeros") -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise EncoderError(f"There is no position cue '{variant}'; expected {', '.join(VARIANTS)}.")
        if padding not in ("zeros", "circular") or (padding == "circular" and size.widths is None):
            raise EncoderError(f"padding = '{padding}' cannot be had; expected 'zeros' ('circular' for a plain CNN).")
        in_channels = 3 if variant == "V1" else 1
        self.size, self.variant, self.padding = size, variant, padding
        self.n_features = size.features * (N_MELS // STRIDE if variant == "V2" else 1)
        self.trunk = (
            _efficientnet(in_channels)
            if size.widths is None
            else plain_cnn(in_channels, size.widths, size.convs, padding=padding)
        )
        # No shape tells V2 from V0, so that a weights file says which it is.
        self.register_buffer("variant_index", torch.tensor(VARIANTS.index(variant)))

    def forward(self, windows: Tensor) -> Tensor:
        """Embed log-mel windows: (N, 64, T) -> (N, D)."""
        x = ((windows - MEAN) / STD)[:, None]  # (N, 1, 64, T)
        if self.variant == "V1":
            x = torch.cat([x, _coordinates(x)], dim=1)
        maps: Tensor = self.trunk(x)  # (N, C, F / 32, T / 32)
        if self.variant == "V2":
            return maps.amax(dim=3).flatten(1)  # (N, C * 2)
        return maps.amax(dim=(2, 3))


class Projection(nn.Sequential):
    """COLA's head: Dense 512, LayerNorm, tanh (choice, COLA's). Shape: (N, D) -> (N, 512)."""

    def __init__(self, n_features: int, n_projected: int = 512) -> None:
        super().__init__(nn.Linear(n_features, n_projected), nn.LayerNorm(n_projected), nn.Tanh())


def plain_cnn(in_channels: int, widths: tuple[int, ...], convs: int, *, padding: str = "zeros") -> nn.Sequential:
    """Stages of 3 x 3 convolutions, BatchNorm and ReLU; the first of a stage has stride 2.

    Shape: (N, in_channels, F, T) -> (N, widths[-1], ceil(F / 2^stages), ceil(T / 2^stages)).
    """
    mode = cast("Literal['zeros', 'circular']", padding)  # ConvEncoder checks it
    layers: list[nn.Module] = []
    channels = in_channels
    for width in widths:
        for i in range(convs):
            stride = 2 if i == 0 else 1
            layers += [
                nn.Conv2d(channels, width, 3, stride, padding=1, padding_mode=mode, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
    return nn.Sequential(*layers)


def _coordinates(x: Tensor) -> Tensor:
    """Two channels, f / F and t / T from -1 to 1, for a batch (N, 1, F, T)."""
    n, _, height, width = x.shape
    f = torch.linspace(-1.0, 1.0, height, device=x.device, dtype=x.dtype)[:, None].expand(height, width)
    t = torch.linspace(-1.0, 1.0, width, device=x.device, dtype=x.dtype).expand(height, width)
    return torch.stack([f, t]).expand(n, 2, height, width)


def _efficientnet(in_channels: int) -> nn.Module:
    try:
        import timm
    except ImportError as error:
        raise EncoderError(
            "The size 'base' is timm's EfficientNet-B0, and timm is not installed; 'pip install timm', or choose "
            f"{', '.join(name for name in SIZES if name != 'base')}, which need nothing."
        ) from error
    trunk: nn.Module = timm.create_model(
        _EFFICIENTNET, pretrained=False, in_chans=in_channels, num_classes=0, global_pool=""
    )
    return trunk
