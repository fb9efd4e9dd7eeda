"""AaPE, the aliasing-aware patch embedding (arXiv 2512.03637): patch tokens plus features of the alias-prone band.

A patch projection is a decimation in time: with a stride of s frames, modulations faster than pi / s rad per frame fold
onto slower ones. AaPE keeps the ordinary patch tokens and adds what a bank of band-limited complex kernels measures in
[pi / s, 0.95 pi], with a decay and a frequency that each patch predicts for itself.

The paper's body was not available. Tags (confirmed, derived, choice) as in README.md.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.nn import PatchEmbed
from hear_audiomosaic.nn.vit import LAYER_NORM_EPS

__all__ = [
    "ALPHA_RANGE",
    "PHASES",
    "AapeStem",
    "KernelPhase",
    "LambdaEncoder",
    "StructuredBilateralLaplaceUnit",
    "kernel",
    "kernel_gain",
]

KernelPhase = Literal["even", "odd"]
PHASES: tuple[KernelPhase, ...] = ("even", "odd")

ALPHA_RANGE = (0.02, 0.60)  # decay per frame (choice, for 16 frames): time constants of 50 to 1.7 frames
_THETA_TOP = 0.95 * math.pi  # choice: a little below the Nyquist frequency of the frames
_HIDDEN = 128  # width of the Lambda Encoder (choice)
_GATE = 1e-2  # the fusion's gate at the start (choice)


def kernel(alpha: Tensor, theta: Tensor, n_taps: int, phase: KernelPhase = "even") -> tuple[Tensor, Tensor]:
    """The bilateral kernel h[k], k = 0 .. K - 1, centred on c = (K - 1) / 2 (confirmed: its form; choice: c).

    even: exp(-Lambda |k - c|) with Lambda = alpha + j theta; odd: exp(-alpha |k - c|) exp(+j theta (k - c)).

    Args:
        alpha: decay per frame, positive, shape (...).
        theta: modulation frequency in radians per frame, shape (...).
        n_taps: K, in frames.
        phase: "even" as quoted from the paper; "odd" is analytic, so that its magnitude is an envelope (choice).

    Returns:
        Real and imaginary part, each of shape (..., K). Real arithmetic: complex numbers have no half precision.
    """
    offset = torch.arange(n_taps, dtype=alpha.dtype, device=alpha.device) - (n_taps - 1) / 2  # (K,)
    window = torch.exp(-alpha[..., None] * offset.abs())
    angle = theta[..., None] * (-offset.abs() if phase == "even" else offset)
    return window * angle.cos(), window * angle.sin()


def kernel_gain(alpha: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The even kernel's factor 2 sinh(Lambda / 2) / Lambda, Lambda = alpha + j theta (confirmed).

    It is what holding the input constant over each frame adds to every tap (derived).

    Args:
        alpha: decay per frame, shape (...).
        theta: frequency in radians per frame, same shape.

    Returns:
        Real and imaginary part, same shape.
    """
    real = torch.sinh(alpha / 2) * torch.cos(theta / 2)
    imaginary = torch.cosh(alpha / 2) * torch.sin(theta / 2)
    scale = 2.0 / (alpha.square() + theta.square())  # 1 / Lambda = conj(Lambda) / |Lambda|^2
    return scale * (real * alpha + imaginary * theta), scale * (imaginary * alpha - real * theta)


class LambdaEncoder(nn.Module):
    """Decay and frequency of every kernel, from the patch itself (confirmed: what it predicts; choice: how).

    theta = theta_lo (theta_hi / theta_lo)^sigmoid(z_theta + b_n), alpha likewise with d_n = 0; b_n spreads the states
    log-uniformly over the band. The last layer starts at zero: the stem starts as a fixed bank of modulation filters.
    Nothing but the patch is seen: a visible token tells nothing of a masked one (derived).

    Args:
        patch_values: P_t * P_f values of a patch.
        n_bands: I, the number of subbands; each has its own bias.
        n_states: N kernels per subband.
        theta_range: lowest and highest frequency in radians per frame.
        alpha_range: lowest and highest decay per frame.
    """

    def __init__(
        self,
        patch_values: int,
        n_bands: int,
        n_states: int,
        theta_range: tuple[float, float],
        alpha_range: tuple[float, float] = ALPHA_RANGE,
    ) -> None:
        super().__init__()
        self.theta_range, self.alpha_range = theta_range, alpha_range
        self.norm = nn.LayerNorm(patch_values, eps=LAYER_NORM_EPS)
        self.hidden = nn.Linear(patch_values, _HIDDEN)
        self.band = nn.Parameter(torch.zeros(n_bands, _HIDDEN))
        self.output = nn.Linear(_HIDDEN, 2 * n_states)
        cover = (torch.arange(n_states, dtype=torch.float64) + 0.5) / n_states
        self.register_buffer("start", torch.logit(cover).float(), persistent=False)  # b_n

    def reset(self) -> None:
        """Start values; for the module that owns this one to call last."""
        nn.init.trunc_normal_(self.band, std=0.02)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Patches (B, M, I, P_t, P_f) -> alpha, theta, each (B, M, I, N), inside their ranges."""
        hidden = F.gelu(self.hidden(self.norm(patches.flatten(3))) + self.band)  # (B, M, I, 128)
        z_theta, z_alpha = self.output(hidden).chunk(2, dim=-1)
        return _log_scale(z_alpha, self.alpha_range), _log_scale(z_theta + self.start, self.theta_range)


class StructuredBilateralLaplaceUnit(nn.Module):
    """SBLU: complex kernels with a two-sided exponential window over each subband of a patch (confirmed).

    y_n = 2 Lambda_n^-1 sinh(Lambda_n / 2) sum_k h_n[k] (B u[k])_n. Output, even: 2 Re(C y), as in a diagonal state
    space (choice). Odd: W [Re y; Im y; log(1 + |y|)] (choice). The mean of each mel bin over the kernel's support is
    the caller's to remove (choice): the even kernel has gain at zero frequency.

    Args:
        dim: D.
        patch_bins: P_f, mel bins of a subband.
        n_states: N.
        phase: see :func:`kernel`.
    """

    def __init__(self, dim: int, patch_bins: int, n_states: int, phase: KernelPhase) -> None:
        super().__init__()
        self.phase = phase
        self.input = nn.Linear(patch_bins, n_states, bias=False)  # B
        parts = 2 if phase == "even" else 3
        self.output = nn.Linear(parts * n_states, dim, bias=False)  # even: [2 Re C | -2 Im C]

    def reset(self) -> None:
        """Start values (choice): every state listens to the sum of its subband, rows of B of norm 1."""
        nn.init.constant_(self.input.weight, self.input.in_features**-0.5)
        nn.init.normal_(self.output.weight, std=self.output.in_features**-0.5)

    def states(self, patches: Tensor, alpha: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of y.

        Args:
            patches: without their mean, shape (B, M, I, P_t, P_f).
            alpha: shape (B, M, I, N).
            theta: same shape.

        Returns:
            Two tensors of shape (B, M, I, N).
        """
        values = self.input(patches)  # (B, M, I, K, N)
        real, imaginary = kernel(alpha, theta, patches.shape[3], self.phase)  # (B, M, I, N, K) each
        y_real = torch.einsum("bmink,bmikn->bmin", real, values)
        y_imaginary = torch.einsum("bmink,bmikn->bmin", imaginary, values)
        if self.phase == "odd":
            return y_real, y_imaginary
        gain_real, gain_imaginary = kernel_gain(alpha, theta)
        return (
            gain_real * y_real - gain_imaginary * y_imaginary,
            gain_real * y_imaginary + gain_imaginary * y_real,
        )

    def forward(self, patches: Tensor, alpha: Tensor, theta: Tensor) -> Tensor:
        """As :meth:`states`, mapped to features (B, M, I, D)."""
        real, imaginary = self.states(patches, alpha, theta)
        parts = [real, imaginary]
        if self.phase == "odd":
            magnitude = (real.square() + imaginary.square() + 1e-12).sqrt()  # the root has no gradient at 0
            parts.append(torch.log1p(magnitude))
        features: Tensor = self.output(torch.cat(parts, dim=-1))
        return features


class AapeStem(nn.Module):
    """Patch tokens with alias-band features fused in (confirmed: the parts; choice: sizes and the fusion's form).

    t = t_conv + g * V GELU(U LN[t_conv; o]), with t_conv the plain patch token, o the SBLU's features and a gate g per
    feature that starts at 0.01. One subband per row of patches, K = P_t taps: a token depends on its own patch alone.
    SBLU and Lambda Encoder run in float32, whatever the autocast state.

    Args:
        dim: D.
        n_mels: F.
        patch: P, frames and mel bins of a patch, and both strides.
        n_states: N.
        phase: see :func:`kernel`.
    """

    def __init__(
        self, dim: int, *, n_mels: int = 128, patch: int = 16, n_states: int = 16, phase: KernelPhase = "even"
    ) -> None:
        super().__init__()
        if phase not in PHASES:
            raise EncoderError(f"There is no kernel phase '{phase}'; expected {' or '.join(PHASES)}.")
        self.patch, self.n_bands = patch, n_mels // patch
        self.theta_range = (math.pi / patch, _THETA_TOP)
        self.patch_embed = PatchEmbed(dim, (patch, patch))
        self.lambda_encoder = LambdaEncoder(patch * patch, self.n_bands, n_states, self.theta_range)
        self.sblu = StructuredBilateralLaplaceUnit(dim, patch, n_states, phase)
        self.fuse_norm = nn.LayerNorm(2 * dim, eps=LAYER_NORM_EPS)
        self.fuse_in = nn.Linear(2 * dim, dim)  # U
        self.fuse_out = nn.Linear(dim, dim)  # V
        self.gate = nn.Parameter(torch.full((dim,), _GATE))
        self.reset()

    def reset(self) -> None:
        """Start values."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.xavier_uniform_(module.weight.flatten(1))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.lambda_encoder.reset()
        self.sblu.reset()

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Normalised spectrogram (B, T, F), T a multiple of P -> tokens (B, T / P * I, D), time-major."""
        plain = self.patch_embed(spectrogram)
        features = self.alias_features(spectrogram)
        joined = self.fuse_norm(torch.cat([plain, features.to(plain.dtype)], dim=-1))
        fused: Tensor = plain + self.gate * self.fuse_out(F.gelu(self.fuse_in(joined)))
        return fused

    def alias_features(self, spectrogram: Tensor) -> Tensor:
        """The SBLU's features o, float32: (B, T, F) -> (B, N, D)."""
        with torch.autocast(spectrogram.device.type, enabled=False):
            patches = self.centred_patches(spectrogram)
            features: Tensor = self.sblu(patches, *self.lambda_encoder(patches))
            return features.flatten(1, 2)

    def centred_patches(self, spectrogram: Tensor) -> Tensor:
        """Patches without the mean of each mel bin: (B, T, F) -> float32 (B, M, I, P_t, P_f)."""
        p = self.patch
        bands = torch.unflatten(spectrogram.float(), 2, (self.n_bands, p))
        patches: Tensor = torch.unflatten(bands, 1, (-1, p)).transpose(2, 3)
        return patches - patches.mean(dim=3, keepdim=True)


def _log_scale(z: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Map any number into the bounds, evenly on a logarithmic scale."""
    low, high = bounds
    return low * torch.exp(math.log(high / low) * torch.sigmoid(z))
