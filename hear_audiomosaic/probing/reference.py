"""The reference trainer: one head after another, in ordinary PyTorch. Slow, short, and what the fused trainer equals.

:func:`fit` is what is computed; the rest is names. The two trainers agree to rounding, dropout masks aside, which they
draw differently.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from hear_audiomosaic.errors import ProtocolError
from hear_audiomosaic.probing.batches import batch_slices
from hear_audiomosaic.probing.grid import GridPoint
from hear_audiomosaic.probing.heads import HeadConstants, mean_loss
from hear_audiomosaic.probing.monitor import improves
from hear_audiomosaic.probing.training import Candidate, Trained, restore_heads, state_of_heads
from hear_audiomosaic.probing.unfinished import State, Unit

__all__ = ["build_head", "fit", "named_tensors", "train"]

DTYPES = {"fp32": torch.float32, "fp64": torch.float64}


def build_head(point: GridPoint, n_features: int, n_classes: int, constants: HeadConstants) -> nn.Sequential:
    """Linear, BatchNorm1d, Dropout, ReLU for each hidden layer, then Linear; with torch's own initial weights."""
    layers: list[nn.Module] = []
    width = n_features
    for _ in range(point.hidden_layers):
        norm = nn.BatchNorm1d(point.hidden_dim, eps=constants.norm_eps, momentum=constants.norm_momentum)
        layers += [nn.Linear(width, point.hidden_dim), norm, nn.Dropout(point.dropout), nn.ReLU()]
        width = point.hidden_dim
    return nn.Sequential(*layers, nn.Linear(width, n_classes))


def named_tensors(head: nn.Sequential) -> dict[str, Tensor]:
    """The tensors of a head by the names of :func:`hear_audiomosaic.probing.heads.initial_parameters`."""
    linears = [layer for layer in head if isinstance(layer, nn.Linear)]
    norms = [layer for layer in head if isinstance(layer, nn.BatchNorm1d)]
    named: dict[str, Tensor] = {}
    for number, linear in enumerate(linears):
        named |= {f"weight.{number}": linear.weight, f"bias.{number}": linear.bias}
    for number, norm in enumerate(norms):
        named |= {f"gamma.{number}": norm.weight, f"beta.{number}": norm.bias}
        named |= {f"mean.{number}": norm.get_buffer("running_mean"), f"var.{number}": norm.get_buffer("running_var")}
    return named


def fit(
    head: nn.Sequential,
    candidate: Candidate,
    constants: HeadConstants,
    *,
    strict: bool = False,
    on_check: Callable[[int], None] = lambda heads: None,
    before_pass: Callable[[], object] = lambda: None,
    unit: Unit | None = None,
) -> Trained:
    """Train a head from the candidate's parameters until ``patience`` checks have not improved on the best.

    Args:
        head: as :func:`build_head` makes it, on the device and in the precision to compute with.
        candidate: its grid point, data and initial parameters.
        constants: of the optimiser and the normalisation.
        strict: stop at once where a monitored value is not finite.
        on_check: called with 1 after each validation.
        before_pass: called before each pass over the training or the validation rows.
        unit: where to go on, and whom to tell each epoch's state.

    Returns:
        The head at its best check.
    """
    point, data, tensors = candidate.point, candidate.data, named_tensors(head)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(candidate.parameters[name])
    like = tensors["weight.0"]
    x, y, x_valid, y_valid = (
        torch.from_numpy(np.array(array)).to(like)
        for array in (data.values, data.targets, data.monitor.rows.values, data.monitor.rows.targets)
    )
    batches = batch_slices(len(x), point.batch_size, normalised=point.hidden_layers > 0, strict=strict)
    optimiser = torch.optim.Adam(head.parameters(), lr=point.lr, betas=constants.adam_betas, eps=constants.adam_eps)
    best = Trained.begin(candidate, constants, str(like.device))
    unit = unit or Unit.unsaved()
    first = _restore(unit.saved(), head, optimiser, best)
    for epoch in range(first, point.n_checks * point.check_val_every_n_epoch):
        if _is_over(best, point, strict):
            break
        head.train()
        before_pass()
        total = 0.0
        for batch in batches:
            optimiser.zero_grad()
            loss = mean_loss(head(x[batch]), y[batch], data.monitor.multilabel)
            torch.autograd.backward(loss)
            optimiser.step()
            total += loss.item() * len(x[batch])
        best.train_losses.append(total / len(x))
        if (epoch + 1) % point.check_val_every_n_epoch == 0:
            head.eval()
            before_pass()
            with torch.no_grad():
                logits = head(x_valid)  # (n, C)
                loss = mean_loss(logits, y_valid, data.monitor.multilabel)
                check = data.monitor.check(logits[None], loss[None], y_valid)
            value = float(check.values[0])
            best.checks.append((epoch, value, float(check.losses[0])))
            better = improves(value, best.score, data.monitor.higher_is_better)
            best.waited = 0 if better else best.waited + 1
            if better or best.epoch < 0:  # the first check is kept whatever its value
                best.score = value if better else best.score
                best.epoch, best.setting = epoch, check.settings[0]
                for name, tensor in tensors.items():
                    best.head.parameters[name].copy_(tensor.detach())
            on_check(1)
        unit.offer(partial(_state, head, optimiser, best, _random_state(like.device)))
    return best


def _is_over(best: Trained, point: GridPoint, strict: bool) -> bool:
    stopped_by_nan = strict and bool(best.checks) and not np.isfinite(best.checks[-1][1])
    return stopped_by_nan or best.waited >= point.patience


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _state(head: nn.Sequential, optimiser: torch.optim.Adam, best: Trained, random_state: Tensor) -> State:
    """All that :func:`fit` goes on from; ``random_state`` is that of the dropout masks."""
    kept = state_of_heads([best])
    adam = {
        f"adam.{number}.{name}": torch.as_tensor(value)
        for number, of_one in optimiser.state_dict()["state"].items()
        for name, value in of_one.items()
    }
    own = {f"head.{name}": tensor for name, tensor in head.state_dict().items()}
    return State({**kept.tensors, **own, **adam, "random": random_state}, kept.facts)


def _restore(state: State | None, head: nn.Sequential, optimiser: torch.optim.Adam, best: Trained) -> int:
    """Bring what was just made to a state, and say which epoch is next."""
    if state is None:
        return 0
    restore_heads([best], state)
    head.load_state_dict({name: state.tensors[f"head.{name}"] for name in head.state_dict()})
    of_adam: dict[int, dict[str, Tensor]] = {}
    for full, tensor in state.tensors.items():
        if full.startswith("adam."):
            _, number, name = full.split(".")
            of_adam.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": of_adam, "param_groups": optimiser.state_dict()["param_groups"]})
    device = next(head.parameters()).device
    if device.type == "cuda":
        torch.cuda.set_rng_state(state.tensors["random"], device)
    else:
        torch.set_rng_state(state.tensors["random"])
    return len(best.train_losses)


def train(
    candidates: Sequence[Candidate],
    constants: HeadConstants,
    *,
    seed: int,
    device: str = "cpu",
    precision: str = "fp32",
    strict: bool = False,
    record_losses: bool = False,
    on_check: Callable[[int], None] | None = None,
    unit: Unit | None = None,
) -> list[Trained]:
    """Train heads one after another, as :class:`hear_audiomosaic.probing.training.Trainer` says.

    ``precision`` is ``fp32``, or ``fp64`` for a result that rounding does not touch; training losses are always kept.
    """
    if precision not in DTYPES:
        raise ProtocolError(f"the reference trainer has no precision {precision!r}; it computes in fp32.")
    trained = []
    unit = unit or Unit.unsaved()
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        torch.manual_seed(seed)  # of the dropout masks
        for number, candidate in enumerate(candidates):
            started = time.perf_counter()
            n_features, n_classes = candidate.data.values.shape[1], candidate.data.targets.shape[1]
            head = build_head(candidate.point, n_features, n_classes, constants).to(device, DTYPES[precision])
            one = fit(
                head,
                candidate,
                constants,
                strict=strict,
                on_check=on_check or (lambda heads: None),
                unit=unit.part(number),
            )
            one.seconds = time.perf_counter() - started
            trained.append(one)
    return trained
