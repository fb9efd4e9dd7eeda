"""Ways to change an embedding by what a model or its module holds, wherever it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from stale_bench import FROM_AFAR, Bench, stale


def _state(bench: Bench, gain: str, init: str = "pass", head: str = "") -> Iterator[None]:
    bench.encoder(gain, f"VALUE = lambda: {FROM_AFAR}\n{head}", init=init)
    yield
    bench.afar(2.0)


@stale
def a_parameter(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w.detach()", "self.w = torch.nn.Parameter(torch.tensor(VALUE()))")


@stale
def a_buffer_that_is_not_persistent(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.register_buffer('w', torch.tensor(VALUE()), persistent=False)")


@stale
def a_sparse_buffer(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w.to_dense()[1, 1]", "self.register_buffer('w', (torch.eye(2) * VALUE()).to_sparse())")


@stale
def a_quantised_layer(bench: Bench) -> Iterator[None]:
    init = (
        "layer = torch.nn.Linear(1, 1, bias=False); layer.weight.data.fill_(VALUE()); "
        "self.q = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer), {torch.nn.Linear}, torch.qint8)"
    )
    return _state(bench, "model.q(torch.ones(1, 1))", init)


@stale
def an_attribute_that_is_a_tensor(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.w = torch.tensor(VALUE())")


@stale
def an_attribute_that_is_an_array(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w[0]", "self.w = np.full(3, VALUE())")


@stale
def an_attribute_that_is_a_number(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w", "self.w = VALUE()")


@stale
def an_array_in_a_list_in_a_dictionary(bench: Bench) -> Iterator[None]:
    return _state(bench, "model.w['a'][1][0]", "self.w = {'a': ['x', np.full(3, VALUE())]}")


@stale
def an_array_in_an_object(bench: Bench) -> Iterator[None]:
    head = "class Holder:\n    __slots__ = ('inner',)\n    def __init__(self, inner): self.inner = inner"
    return _state(bench, "model.w.inner[0]", "self.w = Holder(np.full(3, VALUE()))", head)


@stale
def a_model_in_a_list(bench: Bench) -> Iterator[None]:
    init = "inner = torch.nn.Linear(1, 1, bias=False); inner.weight.data.fill_(VALUE()); self.parts = [inner, self]"
    return _state(bench, "model.parts[0].weight.detach()", init)


@stale
def an_array_in_a_closure(bench: Bench) -> Iterator[None]:
    head = "def closed(w): return lambda: w[0]"
    return _state(bench, "model.f()", "self.f = closed(np.full(3, VALUE()))", head)


@stale
def a_hook(bench: Bench) -> Iterator[None]:
    init = (
        "self.inner = torch.nn.Identity(); w = torch.tensor(VALUE()); "
        "self.inner.register_forward_hook(lambda module, given, found: found * w)"
    )
    return _state(bench, "model.inner(torch.tensor(1.0))", init)


@stale
def an_array_of_the_module(bench: Bench) -> Iterator[None]:
    return _state(bench, "W[0]", head="W = np.full(3, VALUE())")


@stale
def a_number_of_a_helper(bench: Bench) -> Iterator[None]:
    bench.write("helper.py", f"import sys\nGAIN = {FROM_AFAR}")
    return _state(bench, "helper.GAIN", head="import helper")


@stale
def an_attribute_of_the_class(bench: Bench) -> Iterator[None]:
    return _state(bench, "Net.gain", "Net.gain = VALUE()")


@stale
def a_compiled_program(bench: Bench) -> Iterator[None]:
    head = (
        "class Inner(torch.nn.Module):\n"
        "    def __init__(self, gain):\n        super().__init__(); self.gain = gain\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor: return x * self.gain"
    )
    return _state(bench, "model.inner(torch.tensor(1.0))", "self.inner = torch.jit.script(Inner(VALUE()))", head)
