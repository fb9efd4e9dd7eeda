"""The reference: one grid point at a time, in ordinary PyTorch; slow, short, and what the fused trainer must equal."""

from __future__ import annotations

import math

import torch
from torch import nn


def build_head(point, n_features, n_classes):
    """Layers in heareval's order, drawn from torch's global generator in heareval's order."""
    xavier = getattr(nn.init, point.initialization)
    layers, width = [], n_features
    for layer in range(point.hidden_layers):
        linear = nn.Linear(width, point.hidden_dim)
        xavier(linear.weight, gain=math.sqrt(2.0) if layer else 1.0)
        layers += [linear, nn.BatchNorm1d(point.hidden_dim), nn.Dropout(point.dropout), nn.ReLU()]
        width = point.hidden_dim
    linear = nn.Linear(width, n_classes)
    xavier(linear.weight, gain=math.sqrt(2.0) if point.hidden_layers else 1.0)
    return nn.Sequential(*layers, linear)


def load_parameters(head, parameters):
    """Start from given weights instead, named as the package names them."""
    linears = [layer for layer in head if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for number, linear in enumerate(linears):
            linear.weight.copy_(parameters[f"weight.{number}"])
            linear.bias.copy_(parameters[f"bias.{number}"])


def train_plainly(head, point, train, valid, *, multilabel, monitor, higher_is_better, draw=lambda: None):
    """Train a head until it stops.

    ``train``, ``valid``: (x, multi-hot y). ``monitor(logits, loss)``: the value to watch. ``draw()`` is called where a
    data loader would begin. Returns epoch losses, [(epoch, value, validation loss)], (best value, epoch, state).
    """
    (x, y), (x_valid, y_valid) = train, valid

    def loss_of(logits, target):
        if multilabel:
            return nn.functional.binary_cross_entropy_with_logits(logits, target)
        return nn.functional.cross_entropy(logits, target.argmax(-1))

    optimiser = torch.optim.Adam(head.parameters(), lr=point.lr)
    epoch_losses, checks, best, waited = [], [], None, 0
    for epoch in range(point.max_epochs):
        head.train()
        draw()
        total = torch.zeros((), device=x.device)
        for rows in range(0, len(x), point.batch_size):
            xb, yb = x[rows : rows + point.batch_size], y[rows : rows + point.batch_size]
            optimiser.zero_grad()
            loss = loss_of(head(xb), yb)
            loss.backward()
            optimiser.step()
            total += loss.detach() * len(xb)
        epoch_losses.append(total / len(x))
        if (epoch + 1) % point.check_val_every_n_epoch:
            continue
        head.eval()
        draw()
        with torch.no_grad():
            logits = head(x_valid)
            value_loss = float(loss_of(logits, y_valid))
        value = monitor(logits, value_loss)
        checks.append((epoch, value, value_loss))
        if best is None or (value > best[0] if higher_is_better else value < best[0]):
            best, waited = (value, epoch, {name: tensor.clone() for name, tensor in head.state_dict().items()}), 0
        else:
            waited += 1
        if waited >= point.patience:
            break
    return [float(loss) for loss in epoch_losses], checks, best
