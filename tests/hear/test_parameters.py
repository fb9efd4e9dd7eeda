"""The state of any model as digests: of every kind of tensor, and no two states alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear.dependencies.values import ValueDigests
from hear_audiomosaic.hear.parameters import n_parameters


def state_of(model: nn.Module) -> dict[str, str]:
    return ValueDigests((), None, str).of_model(model)


def with_buffer(make: Callable[[float], torch.Tensor]) -> Callable[[float], nn.Module]:
    def build(value: float) -> nn.Module:
        model = nn.Linear(2, 2)
        nn.init.ones_(model.weight), nn.init.zeros_(model.bias)
        model.register_buffer("odd", make(value))
        return model

    return build


def with_extra(make: Callable[[float], object]) -> Callable[[float], nn.Module]:
    class Extra(nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def get_extra_state(self) -> object:
            return make(self.value)

        def set_extra_state(self, state: object) -> None:
            raise NotImplementedError

    return Extra


def quantised(value: float) -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3))
    nn.init.constant_(model[0].weight, value), nn.init.zeros_(model[0].bias)
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def per_channel(value: float) -> torch.Tensor:
    scales, zeros = torch.tensor([value, 1.0]), torch.zeros(2, dtype=torch.int64)
    return torch.quantize_per_channel(torch.ones(2, 3), scales, zeros, 0, torch.qint8)


MODELS: dict[str, Callable[[float], nn.Module]] = {
    "dense": with_buffer(lambda x: torch.full((2, 3), x)),
    "transposed": with_buffer(lambda x: torch.tensor([[0.0, x], [1.0, 2.0]]).T),
    "no dimension": with_buffer(lambda x: torch.tensor(x)),
    "bfloat16": with_buffer(lambda x: torch.full((2,), x, dtype=torch.bfloat16)),
    "truth values": with_buffer(lambda x: torch.tensor([x > 1.0])),
    "complex": with_buffer(lambda x: torch.full((2,), 1 + 1j * x)),
    "conjugate": with_buffer(lambda x: torch.full((2,), 1 + 1j * x).conj()),
    "negative view": with_buffer(lambda x: torch.full((2,), 1 + 1j * x).conj().imag),
    "sparse": with_buffer(lambda x: torch.tensor([[0.0, x], [0.0, 0.0]]).to_sparse()),
    "sparse rows": with_buffer(lambda x: torch.tensor([[0.0, x], [0.0, 0.0]]).to_sparse_csr()),
    "quantised": with_buffer(lambda x: torch.quantize_per_tensor(torch.ones(3), x, 0, torch.qint8)),
    "quantised by channel": with_buffer(per_channel),
    "quantised model": quantised,
    "extra number": with_extra(lambda x: x),
    "extra text": with_extra(lambda x: str(x)),
    "extra dict": with_extra(lambda x: {"b": [1, {"deep": x}], "a": None, 3: torch.float16}),
    "extra tensor": with_extra(lambda x: (torch.tensor([x]), "same")),
    "extra array": with_extra(lambda x: {"mel": np.full(3, x)}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", MODELS)
def test_a_state_is_its_bytes(kind: str) -> None:
    one, same, other = (state_of(MODELS[kind](value)) for value in (1.0, 1.0, 2.0))
    assert one == same
    assert one != other


@pytest.mark.parametrize("make", [lambda: nn.LazyLinear(3), lambda: nn.Linear(2, 2, device="meta")])
def test_what_has_no_values_is_refused(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(EncoderError, match=r"has no values yet \(a lazy layer"):
        state_of(make())


def test_lazy_layers_count_no_parameters() -> None:
    assert n_parameters(nn.Sequential(nn.Linear(2, 3), nn.LazyLinear(4))) == 9
