"""Rules for every adapter: it stands alone, and it keeps HEAR's contract with tiny models of its library's kind."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import XARES, Frames, OfMteb, Upstream, save_huggingface, save_onnx

from hear_audiomosaic import adapters
from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import load_encoder, registered_encoders
from hear_audiomosaic.hear.conformance import check_encoder

FILES = sorted(Path(adapters.__file__).parent.glob("[a-z]*.py"))
LIBRARIES = {
    "huggingface": {"transformers"},
    "onnx_file": {"onnxruntime"},
    "mteb_encoder": {"mteb"},
    "s3prl_upstream": {"s3prl"},
}
NAMES = {name for name, module in registered_encoders().items() if module.startswith(f"{adapters.__name__}.")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_adapter_can_be_copied(file: Path) -> None:
    """Python 3.8 reads it, and it imports the standard library, numpy, torch and, in load_model, its own library."""
    tree = ast.parse(file.read_text(), feature_version=(3, 8))
    at_import, everywhere = _imported(tree.body), _imported(list(ast.walk(tree)))
    assert at_import <= sys.stdlib_module_names | {"numpy", "torch"}
    assert everywhere - at_import == LIBRARIES.get(file.stem, set())


def test_every_adapter_is_registered() -> None:
    assert {registered_encoders()[name] for name in NAMES} == {f"{adapters.__name__}.{file.stem}" for file in FILES}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_an_adapter_without_a_model_says_how_to_name_one(name: str) -> None:
    with pytest.raises(EncoderError, match=f"{name}:"):
        load_encoder(name)


@pytest.mark.parametrize("ref", ["hf:./nowhere", "onnx:./nowhere.onnx", "torchscript:./nowhere.pt"])
def test_a_path_that_leads_nowhere_is_told(ref: str) -> None:
    if ref.startswith("onnx"):
        pytest.importorskip("onnxruntime")
    with pytest.raises(EncoderError, match=r"there is no such (file|folder)"):
        load_encoder(ref)


def test_an_adapter_runs_in_an_interpreter_without_this_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There its module cannot be imported by its name: the worker takes the one file."""
    ref = _torchscript(tmp_path, monkeypatch)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "hear_audiomosaic.py").write_text("")  # a module of that name, and no package
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    audio = torch.rand(2, 8000, generator=torch.Generator().manual_seed(0)) - 0.5
    isolated = load_encoder(f"{ref}@{sys.executable}")
    np.testing.assert_allclose(isolated.scene(audio), load_encoder(ref).scene(audio), rtol=1e-5)
    assert isolated.fingerprint == load_encoder(f"{ref}@{sys.executable}").fingerprint


@pytest.mark.parametrize("name", ["torchscript", "xares", "s3prl", "mteb"])
def test_contract(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = _MAKE[name](tmp_path, monkeypatch)
    findings = check_encoder(ref)
    assert not [finding for finding in findings if finding.verdict != "ok"]
    encoder, audio = load_encoder(ref), torch.rand(2, 16000) - 0.5
    expected = Frames()(audio).detach().numpy() * (3.0 if name == "s3prl" else 1.0)
    np.testing.assert_allclose(encoder.scene(audio), expected.mean(axis=1), rtol=1e-6)
    if name != "mteb":
        frames, times = encoder.timestamps(audio)
        np.testing.assert_allclose(frames, expected, rtol=1e-6)
        np.testing.assert_allclose(times[0], 10.0 + 20.0 * np.arange(50))


def _torchscript(folder: Path, _: pytest.MonkeyPatch) -> str:
    torch.jit.script(Frames()).save(str(folder / "net.pt"))
    return f"torchscript:{folder}/net.pt?hop_ms=20&min_s=0.02"


def _xares(folder: Path, _: pytest.MonkeyPatch) -> str:
    (folder / "one.py").write_text(XARES)
    return f"xares:{folder}/one.py:Encoder"


def _s3prl(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(sys.modules, "s3prl", types.ModuleType("s3prl"))
    nn = types.ModuleType("s3prl.nn")
    nn.S3PRLUpstream = Upstream  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "s3prl.nn", nn)
    return "s3prl:tiny"


def _mteb(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    mteb = types.ModuleType("mteb")
    mteb.get_model = lambda name, revision, device: OfMteb(device)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mteb", mteb)
    return "mteb:owner/tiny?window_s=0.1"


_MAKE: dict[str, Callable[[Path, pytest.MonkeyPatch], str]] = {
    "torchscript": _torchscript,
    "xares": _xares,
    "s3prl": _s3prl,
    "mteb": _mteb,
}


def test_an_edited_class_is_another_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = _xares(tmp_path, monkeypatch)
    before = load_encoder(ref).fingerprint
    (tmp_path / "one.py").write_text(XARES.replace("gain = 1.0", "gain = 2.25"))
    assert load_encoder(ref).fingerprint != before


@pytest.mark.parametrize("family", ["wav2vec2", "sew", "whisper", "ast"])
def test_huggingface(family: str, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = save_huggingface(family, tmp_path)
    findings = check_encoder(f"hf:{folder}")
    assert not [one for one in findings if one.verdict == "FAIL"]
    warned = {one.check for one in findings if one.verdict == "warn"}
    assert warned <= ({"regular, dense timestamps"} if family == "ast" else set()), findings


def test_huggingface_layers_are_those_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = save_huggingface("wav2vec2", tmp_path, do_normalize=True)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    audio = torch.rand(2, 16000) - 0.5
    with torch.no_grad():
        values = extractor(list(audio.numpy()), sampling_rate=16000, return_tensors="pt").input_values
        output = network(values, output_hidden_states=True)
    states = [state.numpy() for state in output.hidden_states]
    for option, expected in {
        "layer=last": output.last_hidden_state.numpy(),
        "layer=1": states[1],
        "layer=mean": np.mean(states, axis=0),
    }.items():
        encoder = load_encoder(f"hf:{folder}?{option}")
        frames, times = encoder.timestamps(audio)
        np.testing.assert_allclose(frames, expected, atol=1e-6)
        np.testing.assert_allclose(encoder.scene(audio), expected.mean(axis=1), atol=1e-6)
        np.testing.assert_allclose(times[0], 12.5 + 20.0 * np.arange(49))  # 400 samples every 320
    largest = load_encoder(f"hf:{folder}?layer=1&pooling=max").scene(audio)
    np.testing.assert_allclose(largest, states[1].max(axis=1), atol=1e-6)
    with pytest.raises(EncoderError, match=r"layers 0 .* to 2"):
        load_encoder(f"hf:{folder}?layer=3")


def test_huggingface_refuses_what_it_cannot_run(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    safetensors = pytest.importorskip("safetensors.torch")
    with pytest.raises(EncoderError, match="family 'bert'; it knows wav2vec2"):
        load_encoder(f"hf:{save_huggingface('bert', tmp_path / 'bert')}")
    file = save_huggingface("wav2vec2", tmp_path / "half") / "model.safetensors"
    weights = safetensors.load_file(file)
    lost = next(name for name in weights if "layers.1.attention.k_proj.weight" in name)
    safetensors.save_file({name: one for name, one in weights.items() if name != lost}, file, {"format": "pt"})
    with pytest.raises(EncoderError, match=f"lacks 1 weights.*{lost}"):
        load_encoder(f"hf:{file.parent}")


@pytest.mark.parametrize(
    ("options", "made"), [("", {}), ("", {"samples": 8000}), ("?window_s=0.1&min_s=0.02", {"pooled": True})]
)
def test_onnx(options: str, made: dict[str, bool | int], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    ref = f"onnx:{save_onnx(tmp_path / 'net.onnx', **made)}{options or '?hop_ms=20&min_s=0.02'}"  # type: ignore[arg-type]
    findings = check_encoder(ref)
    assert not [one for one in findings if one.verdict == "FAIL"]
    encoder, audio = load_encoder(ref), torch.rand(2, 16000) - 0.5
    expected = audio.abs().unflatten(1, (50, 320)).mean(dim=2).numpy()
    np.testing.assert_allclose(encoder.scene(audio)[:, 0], expected.mean(axis=1), rtol=1e-5)
    if "pooled" not in made:
        np.testing.assert_allclose(encoder.timestamps(audio)[0][..., 0], expected, rtol=1e-5)
        np.testing.assert_allclose(encoder.timestamps(audio)[1][0], 10.0 + 20.0 * np.arange(50))


def test_data_beside_an_onnx_file_are_digested(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    file = save_onnx(tmp_path / "net.onnx")
    graph, before = file.read_bytes(), load_encoder(f"onnx:{file}").fingerprint
    (tmp_path / "tensors.bin").unlink()
    save_onnx(file, scale=2.0)
    assert file.read_bytes() == graph
    assert load_encoder(f"onnx:{file}").fingerprint != before


def _imported(nodes: list[ast.stmt] | list[ast.AST]) -> set[str]:
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("" if node.level else (node.module or "").partition(".")[0])
    return names
