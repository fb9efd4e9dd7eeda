"""How fast is MSM-MAE's encoder, beside a plain timm ViT with as many tokens?

Both have the same width, depth and heads, a class token, and see the same spectrograms; they run in turn in this
process, and the median of the ratios of neighbouring runs counts (wanted: at most 1.0, to the noise of the machine).

    python benchmarks/msm_mae_speed.py [--size base] [--input 80x208] [--batch 4] [--repeats 15] [--device cpu]

Needs timm (the ``test`` extra).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from timm.models.vision_transformer import VisionTransformer

from hear_audiomosaic.nn import get_size
from hear_msm_mae.encoder import MsmMae, parse_size


def seconds(run: Callable[[], torch.Tensor], device: torch.device) -> float:
    """Time one call."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def main() -> None:
    """Time both and print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="base")
    parser.add_argument("--input", default="80x208")
    parser.add_argument("--patch", default="16x16")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()

    size, device = get_size(options.size), torch.device(options.device)
    input_size, patch_size = parse_size(options.input), parse_size(options.patch)
    ours = MsmMae(size, input_size, patch_size, decoder=None).eval().to(device)
    theirs = VisionTransformer(
        img_size=input_size,
        patch_size=patch_size,
        in_chans=1,
        num_classes=0,
        embed_dim=size.embed_dim,
        depth=size.depth,
        num_heads=size.num_heads,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )
    theirs = theirs.eval().to(device)
    spectrogram = torch.randn(options.batch, *input_size, device=device)
    runs = (lambda: ours(spectrogram), lambda: theirs.forward_features(spectrogram[:, None]))
    with torch.inference_mode():
        shapes = {tuple(run().shape) for run in runs}  # also warms up
        if len(shapes) != 1:
            raise SystemExit(f"The two give different shapes: {shapes}.")
        times = [
            [seconds(run, device) for run in (runs if i % 2 else runs[::-1])][:: 1 if i % 2 else -1]
            for i in range(options.repeats)
        ]
    ratio = statistics.median(own / other for own, other in times)
    own, other = zip(*times, strict=True)
    print(
        f"{options.size}, {options.input}, patches {options.patch}, batch {options.batch}, {shapes.pop()[1]} tokens, "
        f"{device}, {torch.get_num_threads()} threads, {options.repeats} pairs: "
        f"MSM-MAE {1e3 * statistics.median(own):.1f} ms, timm {1e3 * statistics.median(other):.1f} ms, "
        f"ratio {ratio:.3f} (of the fastest runs: {min(own) / min(other):.3f})"
    )


if __name__ == "__main__":
    main()
