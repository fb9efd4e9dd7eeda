"""One training step, and one evaluation, of several heads at once: forward, closed-form backward, Adam.

Shapes: g heads, n rows, D features, H hidden units, C classes. Hidden activations are (n, g * H), so the first layer of
all heads is one GEMM and batch normalisation sees g * H channels. There is no gradient for the input. Nothing here uses
autograd.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hear_audiomosaic.probing.fused.masks import Masks
from hear_audiomosaic.probing.fused.stack import Layout, Scratch

__all__ = ["Chunk"]

aten = torch.ops.aten


class Chunk:
    """Neighbouring heads of a stack that train on the same rows.

    Args:
        layout: their common shape.
        state: views of their parameters (:meth:`hear_audiomosaic.probing.fused.stack.Stack.rows`); changed in place.
        lrs: (g,) learning rates.
        masks: where dropout masks come from.
        scratch: working memory.
        centre: (D,) what was subtracted from the embeddings (bfloat16 only).
    """

    def __init__(
        self,
        layout: Layout,
        state: dict[str, Tensor],
        lrs: Sequence[float],
        masks: Masks,
        scratch: Scratch,
        centre: Tensor | None = None,
    ) -> None:
        self.layout, self.state, self.lrs = layout, state, lrs
        self._masks, self._scratch, self._centre = masks, scratch, centre
        self._g, self._H = len(lrs), layout.hidden_dim
        kind = "low" if layout.low else "weight"
        self._weights = [state[f"{kind}.{layer}"] for layer in range(layout.hidden_layers + 1)]
        self._gradients = {
            name: scratch.take(f"gradient.{name}", state[name].shape, torch.float32) for name in layout.trained
        }
        self._adam = [self._adam_lists(points) for points in self._points_by_lr()]

    # ------------------------------------------------------------------------------------------------------ training

    def step(self, x: Tensor, target: Tensor, losses: Tensor | None = None) -> None:
        """Take one optimiser step on one batch.

        Args:
            x: (n, D) embeddings, of the layout's dtype (and centred where ``centre`` is given).
            target: (n, C) multi-hot.
            losses: (g,) where the mean loss of the batch before the step is added, times n.
        """
        L, g = self.layout.hidden_layers, self._g
        scale = 1.0 / (1.0 - self.layout.dropout)  # of dropout, carried by the affine part of the normalisation
        saved = []
        out = x
        for layer in range(L):
            h = self._linear(layer, out)
            gamma = (self.state[f"gamma.{layer}"] * scale).view(-1)
            out, mean, invstd = self._normalise(layer, h, gamma, (self.state[f"beta.{layer}"] * scale).view(-1))
            out.relu_()
            self._masks.apply_(out)
            saved.append((h, out, gamma, mean, invstd))
        features = self._heads_first(out) if L else x.expand(g, *x.shape)  # (g, n, H)
        if self.layout.low and L:
            features = self._scratch.take("features", features.shape, torch.float32).copy_(features)
        logits = torch.baddbmm(
            self.state[f"bias.{L}"].unsqueeze(1), features, self.state[f"weight.{L}"].mT
        )  # (g, n, C)
        error = self._error(logits, target, losses)
        torch.bmm(error.mT, features, out=self._gradients[f"weight.{L}"])
        torch.sum(error, 1, out=self._gradients[f"bias.{L}"])
        self._backward(x, error, saved, scale)
        self._update()

    def _linear(self, layer: int, x: Tensor) -> Tensor:
        """(n, D) or (n, g * H) -> (n, g * H), without the bias."""
        n, width = len(x), self._g * self._H
        h = self._scratch.take(f"hidden.{layer}", (n, width), self.layout.dtype)
        weight = self._weights[layer]
        if layer == 0:
            torch.mm(x, weight.view(width, -1).T, out=h)
        else:
            _bmm(self._heads_first(x), weight.mT, self._heads_first(h))
        return h

    def _normalise(self, layer: int, h: Tensor, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalise by the batch, and move the running statistics."""
        lay = self.layout
        out = self._scratch.take(f"active.{layer}", h.shape, h.dtype)
        mean = self._scratch.take(f"mean.{layer}", gamma.shape, torch.float32)
        invstd = self._scratch.take(f"invstd.{layer}", gamma.shape, torch.float32)
        running = (self.state[f"mean.{layer}"].view(-1), self.state[f"var.{layer}"].view(-1))
        aten.native_batch_norm.out(
            h, gamma, beta, *running, True, lay.norm_momentum, lay.norm_eps, out=out, save_mean=mean, save_invstd=invstd
        )
        self.state[f"offset.{layer}"].lerp_(self._left_out(layer), lay.norm_momentum)
        return out, mean, invstd

    def _left_out(self, layer: int) -> Tensor:
        """(g, H) constant that is left out of the hidden activations: the bias, and what centred embeddings lack."""
        bias = self.state[f"bias.{layer}"]
        if layer == 0 and self._centre is not None:
            return bias + torch.mv(self.state["weight.0"].view(-1, self.layout.n_features), self._centre).view_as(bias)
        return bias

    def _error(self, logits: Tensor, target: Tensor, losses: Tensor | None) -> Tensor:
        """Gradient of the mean loss with respect to the logits, (g, n, C)."""
        n, C = target.shape
        if losses is not None:
            losses += self.loss(logits, target) * n
        if self.layout.multilabel:
            return torch.sigmoid(logits).sub_(target).div_(n * C)
        return torch.softmax(logits, -1).sub_(target).div_(n)

    def _backward(self, x: Tensor, error: Tensor, saved: Sequence[tuple[Tensor, ...]], scale: float) -> None:
        lay, L, n = self.layout, self.layout.hidden_layers, len(x)
        if L == 0:
            return
        flow = self._scratch.take("flow", (n, self._g * self._H), lay.dtype)
        _bmm(error.to(lay.dtype), self._weights[L], self._heads_first(flow))
        for layer in reversed(range(L)):
            h, out, gamma, mean, invstd = saved[layer]
            aten.threshold_backward.grad_input(flow, out, 0, grad_input=flow)
            running = (self.state[f"mean.{layer}"].view(-1), self.state[f"var.{layer}"].view(-1))
            flow_h, of_gamma, of_beta = aten.native_batch_norm_backward(
                flow, h, gamma, *running, mean, invstd, True, lay.norm_eps, [True, True, True]
            )
            torch.mul(of_gamma.view(self._g, -1), scale, out=self._gradients[f"gamma.{layer}"])
            torch.mul(of_beta.view(self._g, -1), scale, out=self._gradients[f"beta.{layer}"])
            gradient = self._gradients[f"weight.{layer}"]
            if lay.low:
                gradient = self._scratch.take(f"low gradient.{layer}", gradient.shape, torch.bfloat16)
            if layer == 0:
                torch.mm(flow_h.T, x, out=gradient.view(-1, lay.n_features))
            else:
                _bmm(self._heads_first(flow_h).mT, self._heads_first(saved[layer - 1][1]), gradient)
                _bmm(self._heads_first(flow_h), self._weights[layer], self._heads_first(flow))
            if lay.low:
                self._gradients[f"weight.{layer}"].copy_(gradient)

    def _update(self) -> None:
        """One Adam step of every head, at its own learning rate, in one pass over its memory."""
        self.state["steps"] += 1
        beta1, beta2 = self.layout.adam_betas
        for lr, (parameters, gradients, first, second, steps) in self._adam:
            torch._fused_adam_(
                parameters,
                gradients,
                first,
                second,
                [],
                steps,
                lr=lr,
                beta1=beta1,
                beta2=beta2,
                weight_decay=0.0,
                eps=self.layout.adam_eps,
                amsgrad=False,
                maximize=False,
            )
        if self.layout.low:
            for layer, low in enumerate(self._weights):
                low.copy_(self.state[f"weight.{layer}"])

    # ---------------------------------------------------------------------------------------------------- evaluation

    def logits(self, x: Tensor) -> Tensor:
        """(n, D) -> (g, n, C) logits of validation: running statistics, no dropout."""
        L, lay = self.layout.hidden_layers, self.layout
        out = x
        for layer in range(L):
            h = self._linear(layer, out)
            # (what was left out now) - (its running mean) is what these activations lack
            mean = self.state[f"mean.{layer}"] + self.state[f"offset.{layer}"] - self._left_out(layer)
            gamma, beta = self.state[f"gamma.{layer}"].view(-1), self.state[f"beta.{layer}"].view(-1)
            var = self.state[f"var.{layer}"].view(-1)
            out = aten.native_batch_norm(h, gamma, beta, mean.view(-1), var, False, lay.norm_momentum, lay.norm_eps)[0]
            out.relu_()
        features = self._heads_first(out).float() if L else x.expand(self._g, *x.shape)
        return torch.baddbmm(self.state[f"bias.{L}"].unsqueeze(1), features, self.state[f"weight.{L}"].mT)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """(g, n, C) logits, (n, C) multi-hot -> (g,) mean losses."""
        targets = target.expand_as(logits)
        if self.layout.multilabel:
            entropies = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return entropies.mean((1, 2))
        return (torch.log_softmax(logits, -1) * targets).sum((1, 2)).div_(-len(target))

    def parameters(self, index: int) -> dict[str, Tensor]:
        """Views (mean aside, a new tensor) of what makes head ``index`` complete, as a plain head has it."""
        names = [name for name in self.state if name.split(".")[0] in ("weight", "bias", "gamma", "beta", "var")]
        parameters = {name: self.state[name][index] for name in names}
        for layer in range(self.layout.hidden_layers):
            parameters[f"mean.{layer}"] = self.state[f"mean.{layer}"][index] + self.state[f"offset.{layer}"][index]
        return parameters

    # ------------------------------------------------------------------------------------------------------- helpers

    def _heads_first(self, x: Tensor) -> Tensor:
        """(n, g * H) -> (g, n, H), a view."""
        return x.view(len(x), self._g, -1).transpose(0, 1)

    def _points_by_lr(self) -> dict[float, list[int]]:
        points: dict[float, list[int]] = {}
        for index, lr in enumerate(self.lrs):
            points.setdefault(lr, []).append(index)
        return points

    def _adam_lists(self, lr: float) -> tuple[float, list[list[Tensor]]]:
        """Learning rate, and (parameters, gradients, first moments, second moments, steps) of its heads."""
        chosen = [(name, index) for index in self._points_by_lr()[lr] for name in self.layout.trained]
        of = [self.state[name][index] for name, index in chosen]
        gradients = [self._gradients[name][index] for name, index in chosen]
        first = [self.state[f"m.{name}"][index] for name, index in chosen]
        second = [self.state[f"v.{name}"][index] for name, index in chosen]
        return lr, [of, gradients, first, second, [self.state["steps"][index] for _, index in chosen]]


def _bmm(a: Tensor, b: Tensor, out: Tensor) -> None:
    """(g, n, k) @ (g, k, m) into a view (g, n, m) that need not be contiguous."""
    if out.is_cuda:
        torch.bmm(a, b, out=out)
        return
    for one, other, result in zip(a, b, out, strict=True):  # a CPU's bmm would copy into a strided result
        torch.mm(one, other, out=result)
