"""What a loss over the global batch needs when several processes hold parts of it. In one process all are identities.

Gradients: every process differentiates its own share of the loss, the backward pass of a gather adds up what all
processes ask of a row, and DDP's mean over processes is then the gradient of the mean of their losses, which is the
loss that one process with the whole batch would have.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["GlobalBatchNorm1d", "GlobalBatchNorm2d", "gather_rows", "rank", "synchronise_batch_norms", "world_size"]


def world_size() -> int:
    """Number of processes; 1 outside of distributed training."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        return gradient.chunk(world_size())[rank()]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all processes, in their order, with gradient: (B, ...) -> (W B, ...). Every process has equally many."""
    if world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call] # torch's own has no types
    return gathered


def _summed(values: Tensor) -> Tensor:
    """The sum over all processes, with gradient."""
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call] # torch's own has no types
    return total


class _GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation with the statistics of all processes' batches.

    torch's own ``SyncBatchNorm`` runs on GPUs only; this one runs anywhere. Names and shapes of tensors are
    BatchNorm's.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As ``nn.BatchNorm``; (B, C, ...) -> the same shape."""
        if not self.training or world_size() == 1:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            axes = [0, *range(2, x.ndim)]
            values = x.float()
            n = values.numel() // values.shape[1] * world_size()
            shape = (1, -1, *[1] * (x.ndim - 2))
            mean = _summed(values.sum(dim=axes)) / n
            centred = values - mean.view(shape)
            variance = _summed(centred.square().sum(dim=axes)) / n
            self._track(mean.detach(), variance.detach() * (n / (n - 1)))
            normed = centred * (variance + self.eps).rsqrt().view(shape)
            scaled: Tensor = normed * self.weight.view(shape) + self.bias.view(shape)
            return scaled

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.num_batches_tracked is None or self.running_mean is None or self.running_var is None:
            return
        self.num_batches_tracked += 1
        momentum = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


class GlobalBatchNorm1d(_GlobalBatchNorm, nn.BatchNorm1d):
    """Of vectors or sequences."""


class GlobalBatchNorm2d(_GlobalBatchNorm, nn.BatchNorm2d):
    """Of images."""


_GLOBAL: dict[type[nn.Module], type[_GlobalBatchNorm]] = {
    nn.BatchNorm1d: GlobalBatchNorm1d,
    nn.BatchNorm2d: GlobalBatchNorm2d,
}


def synchronise_batch_norms(module: nn.Module) -> None:
    """Replace every plain BatchNorm inside ``module`` by one with the statistics of all processes.

    Tensors are kept. Subclasses of BatchNorm (timm's fused ones) stay as they are.
    """
    for name, child in module.named_children():
        kind = _GLOBAL.get(type(child))
        if kind is None or not isinstance(child, nn.modules.batchnorm._BatchNorm):
            synchronise_batch_norms(child)
            continue
        made = kind(child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats)
        made._parameters, made._buffers, made.training = child._parameters, child._buffers, child.training
        setattr(module, name, made)
