"""Tiny models with random weights, as other projects' libraries write them: for the adapters' tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

RATE, HOP = 16000, 320


class Frames(nn.Module):
    """Two weights and a hop of 20 ms: (B, S) -> (B, S / 320, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 2.0]]))

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        frames = audio[:, : audio.shape[1] // 320 * 320].unflatten(1, [-1, 320])
        sums = torch.stack([frames.abs().mean(dim=2), frames.diff(dim=2).abs().mean(dim=2)], dim=2)
        return sums * self.weight


XARES = """
import torch

from tiny_models import Frames


class Encoder(Frames):
    sampling_rate = 16000
    output_dim = 2
    hop_size_in_ms = 20
    gain = 1.0

    def forward(self, audio):
        return self.gain * super().forward(audio)
"""


class Upstream(nn.Module):
    """The interface of s3prl.nn.S3PRLUpstream."""

    hidden_sizes = (2, 2)
    downsample_rates = (HOP, HOP)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.frames = name, Frames()

    def forward(self, wavs: torch.Tensor, wavs_len: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        frames = self.frames(wavs)
        return [frames, 3.0 * frames], [wavs_len // HOP] * 2


class OfMteb:
    """The interface of an audio encoder of MTEB; it is no torch module and has one."""

    def __init__(self, device: str) -> None:
        self.device, self.model, self.sampling_rate = device, Frames(), RATE

    def get_audio_embeddings(self, inputs: Any, show_progress_bar: bool = True, **_: Any) -> Any:
        assert not show_progress_bar
        vectors = []
        for batch in inputs:
            for clip in batch["audio"]:
                assert clip["sampling_rate"] == RATE
                array = torch.as_tensor(clip["array"])
                array = nn.functional.pad(array, (0, -len(array) % HOP))
                vectors.append(self.model(array[None]).mean(dim=1)[0])
        return torch.stack(vectors).detach().numpy()


def save_huggingface(family: str, folder: Path, do_normalize: bool = False) -> Path:
    """A model of transformers and its feature extractor, as ``save_pretrained`` writes them."""
    import transformers as hf

    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    convolutions = {
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "feat_extract_norm": "layer",  # a norm over the whole clip, the other choice, lets a burst change every frame
    }
    whisper = {
        **{f"{side}_{name}": 2 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")},
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "d_model": 32,
        "vocab_size": 50,
        "max_source_positions": 100,
        "num_mel_bins": 20,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
    }
    ast = {**small, "max_length": 128, "num_mel_bins": 32}
    model, extractor = {
        "wav2vec2": lambda: (
            hf.Wav2Vec2Model(hf.Wav2Vec2Config(**small, **convolutions)),
            hf.Wav2Vec2FeatureExtractor(do_normalize=do_normalize),
        ),
        "sew": lambda: (
            hf.SEWModel(
                hf.SEWConfig(**small, **{**convolutions, "conv_dim": (16,) * 13}),
            ),
            hf.Wav2Vec2FeatureExtractor(do_normalize=do_normalize),
        ),
        "whisper": lambda: (
            hf.WhisperModel(hf.WhisperConfig(**whisper)),
            hf.WhisperFeatureExtractor(feature_size=20, chunk_length=2),
        ),
        "ast": lambda: (
            hf.ASTModel(hf.ASTConfig(**ast)),
            hf.ASTFeatureExtractor(max_length=128, num_mel_bins=32),
        ),
        "bert": lambda: (
            hf.BertModel(hf.BertConfig(**small, vocab_size=50)),
            hf.Wav2Vec2FeatureExtractor(),
        ),
    }[family]()
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def save_onnx(path: Path, *, samples: int | str = "s", pooled: bool = False, scale: float = 1.0) -> Path:
    """A graph (1, S) -> (1, T, 1), the absolute mean in 20 ms, or (1, 1), that of the clip; a weight lies beside it."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.full((1, 1, 320), scale / 320, dtype=np.float32), "weight")
    shape = numpy_helper.from_array(np.array([1, 1, -1], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("Abs", ["audio"], ["size"]),
        helper.make_node("Reshape", ["size", "shape"], ["rows"]),
        helper.make_node("Conv", ["rows", "weight"], ["found"], strides=[320]),
        helper.make_node("Transpose", ["found"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("ReduceMean", ["frames"], ["mean"], axes=[1], keepdims=0),
    ]
    output = ("mean", [1, 1]) if pooled else ("frames", [1, "t", 1])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [1, samples])],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [weight, shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save_model(model, str(path), save_as_external_data=True, location="tensors.bin", size_threshold=64)
    return path
