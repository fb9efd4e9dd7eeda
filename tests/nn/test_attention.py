"""Attention against the formula, computed in float64, on both of its paths."""

import pytest
import torch

from hear_audiomosaic.nn.attention import attend


def formula(query, key, value):
    """Every query's weighted mean of the values, one at a time."""
    out = torch.zeros(*query.shape[:-1], value.shape[-1], dtype=torch.float64)
    for b in range(query.shape[0]):
        for h in range(query.shape[1]):
            for n in range(query.shape[2]):
                logits = torch.stack([query[b, h, n] @ k / query.shape[-1] ** 0.5 for k in key[b, h]])
                weights = logits.exp() / logits.exp().sum()
                out[b, h, n] = (weights[:, None] * value[b, h]).sum(dim=0)
    return out


def drawn(n_queries, n_keys, dtype):
    g = torch.Generator().manual_seed(n_keys)
    shapes = [(2, 3, n_queries, 16), (2, 3, n_keys, 16), (2, 3, n_keys, 16)]
    return [torch.randn(shape, generator=g).to(dtype).requires_grad_() for shape in shapes]


# bfloat16 keeps 8 bits: the weights are rounded to 2^-9 of themselves, and so is the result.
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize(("n_queries", "n_keys"), [(7, 7), (3, 9), (5, 300)], ids=["self", "cross", "long"])
def test_attention_and_its_gradients_are_those_of_the_formula(n_queries, n_keys, dtype, tolerance):
    inputs = drawn(n_queries, n_keys, dtype)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    found, expected = attend(*inputs), formula(*exact)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=tolerance)
    found.float().square().sum().backward()
    expected.square().sum().backward()
    for x, y in zip(inputs, exact, strict=True):
        torch.testing.assert_close(x.grad.double(), y.grad, atol=2 * tolerance, rtol=2 * tolerance)


def test_short_sequences_in_bfloat16_have_the_values_of_the_fused_kernel():
    inputs = [x.detach() for x in drawn(53, 53, torch.bfloat16)]
    fused = torch.nn.functional.scaled_dot_product_attention(*inputs)
    torch.testing.assert_close(attend(*inputs), fused, atol=1e-2, rtol=1e-2)
