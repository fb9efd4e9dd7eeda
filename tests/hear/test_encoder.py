"""Any HEAR module: those that keep the contract load, those that break it are told how."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.hear import load_encoder, registered_encoders
from hear_audiomosaic.hear.conformance import check_encoder

MakeModule = Callable[..., str]


class TinyModel(nn.Module):
    sample_rate = 16000
    scene_embedding_size = 4
    timestamp_embedding_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))


def scene(audio: torch.Tensor, model: nn.Module) -> torch.Tensor:
    return audio.abs().mean(dim=1, keepdim=True) * model.weight


def timestamps(audio: torch.Tensor, model: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    frames = nn.functional.pad(audio, (0, -audio.shape[1] % 400)).unflatten(1, (-1, 400)).abs().mean(dim=2)
    times = (25.0 * torch.arange(frames.shape[1]) + 12.5).clamp(max=audio.shape[1] / 16)
    return frames[..., None] * model.weight, times.expand(len(audio), -1)


@pytest.fixture
def make_module(monkeypatch: pytest.MonkeyPatch) -> MakeModule:
    def make(**parts: object) -> str:
        module = ModuleType("a_strangers_encoder")
        functions = {
            "load_model": lambda path="": TinyModel(),
            "get_scene_embeddings": scene,
            "get_timestamp_embeddings": timestamps,
        }
        for name, value in (functions | parts).items():
            if value is not None:
                setattr(module, name, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        module.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec(module.__name__, None)
        module.__file__ = None
        return module.__name__

    return make


def test_a_strangers_module(make_module: MakeModule) -> None:
    encoder = load_encoder(make_module())
    audio = torch.rand(3, 4000)
    assert encoder.scene(audio).shape == (3, 4)
    values, times = encoder.timestamps(audio)
    assert values.shape == (3, 10, 4)
    assert times.tolist()[0][:2] == [12.5, 37.5]
    assert (encoder.untrained, encoder.n_parameters) == (False, 4)
    assert all(finding.verdict == "ok" for finding in check_encoder(make_module()))


def test_options_reach_load_model(make_module: MakeModule) -> None:
    seen = {}

    def load_model(path: str = "default", **options: object) -> TinyModel:
        seen.update(options, path=path)
        return TinyModel()

    load_encoder(f"{make_module(load_model=load_model)}:w.pt?hop_ms=40")
    assert seen == {"path": "w.pt", "hop_ms": 40}
    load_encoder(make_module(load_model=load_model))
    assert seen["path"] == "default"


def test_fingerprints_follow_weights_and_options(make_module: MakeModule) -> None:
    def with_weight(value: float) -> Callable[..., TinyModel]:
        def load_model(path: str = "", gain: float = 1.0) -> TinyModel:
            model = TinyModel()
            model.weight.data.fill_(value)
            return model

        return load_model

    refs = {value: load_encoder(make_module(load_model=with_weight(value))).fingerprint for value in (1.0, 2.0)}
    again = load_encoder(make_module(load_model=with_weight(1.0)))
    assert refs[1.0] == again.fingerprint != refs[2.0]
    assert load_encoder(f"{again.ref.name}?gain=2.0").fingerprint != again.fingerprint


class NoRate(TinyModel):
    sample_rate = None


class OddRate(TinyModel):
    sample_rate = 12345


BROKEN_MODULES = {
    "get_scene_embeddings": {"get_scene_embeddings": None},
    "expected a torch.nn.Module": {"load_model": lambda path="": object()},
    "sample_rate": {"load_model": lambda path="": NoRate()},
    "12345": {"load_model": lambda path="": OddRate()},
    "ZeroDivisionError": {"load_model": lambda path="": 1 / 0},
}


@pytest.mark.parametrize("complaint", BROKEN_MODULES)
def test_broken_modules_do_not_load(make_module: MakeModule, complaint: str) -> None:
    with pytest.raises(EncoderError, match=complaint):
        load_encoder(make_module(**BROKEN_MODULES[complaint]))


BROKEN_SCENES = {
    "tensor": lambda a, m: scene(a, m).numpy(),
    "float64": lambda a, m: scene(a, m).double(),
    r"\(2, 3\)": lambda a, m: scene(a, m)[:, :3],
    r"shape \(1, 4\)": lambda a, m: scene(a, m)[:1],
    "NaN": lambda a, m: scene(a, m) * float("nan"),
}


@pytest.mark.parametrize("complaint", BROKEN_SCENES)
def test_broken_scenes_are_caught(make_module: MakeModule, complaint: str) -> None:
    encoder = load_encoder(make_module(get_scene_embeddings=BROKEN_SCENES[complaint]))
    with pytest.raises(EncoderError, match=complaint):
        encoder.scene(torch.rand(2, 4000))


BROKEN_TIMES = {
    "seconds": lambda v, t: (v, t / 1000),
    "tuple": lambda v, t: v,
    "rise": lambda v, t: (v, t.flip(1)),
    "inside": lambda v, t: (v, t + 100000.0),
    "float32 of shape": lambda v, t: (v[:, :5], t),
    "not finite": lambda v, t: (v, t * float("nan")),
    "T >= 1": lambda v, t: (v[:, :0], t[:, :0]),
}


@pytest.mark.parametrize("complaint", BROKEN_TIMES)
def test_broken_timestamps_are_caught(make_module: MakeModule, complaint: str) -> None:
    spoil = BROKEN_TIMES[complaint]
    encoder = load_encoder(make_module(get_timestamp_embeddings=lambda a, m: spoil(*timestamps(a, m))))
    with pytest.raises(EncoderError, match=complaint):
        encoder.timestamps(torch.rand(2, 16000))


def test_unknown_encoders_get_a_hint() -> None:
    assert {"audiomosaic", "logmel", "random"} <= set(registered_encoders())
    with pytest.raises(EncoderError, match="Did you mean 'logmel'"):
        load_encoder("logmell")
    with pytest.raises(EncoderError, match="cannot be put on device"):
        load_encoder("logmel", "nowhere")


def batch_mean(audio: torch.Tensor, model: nn.Module) -> torch.Tensor:
    return scene(audio - audio.mean(), model) + audio.mean()


def late(audio: torch.Tensor, model: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    values, times = timestamps(audio, model)
    return values.roll(30, dims=1), times


def sparse(audio: torch.Tensor, model: nn.Module) -> tuple[torch.Tensor, ...]:
    return tuple(part[:, ::3] for part in timestamps(audio, model))


@pytest.mark.parametrize(("parts", "check", "verdict"), [
    ({"get_scene_embeddings": batch_mean}, "alone as in a batch", "FAIL"),
    ({"get_scene_embeddings": lambda a, m: scene(a, m) + torch.rand(1)}, "same input, same embedding", "FAIL"),
    ({"get_timestamp_embeddings": late}, "timestamps where the sound is", "warn"),
    ({"get_timestamp_embeddings": sparse}, "regular, dense timestamps", "warn"),
    ({"get_scene_embeddings": lambda a, m: scene(a, m) / a.abs().max()}, "silence and full scale", "FAIL"),
    ({"get_scene_embeddings": lambda a, m: torch.ones(len(a), 4)}, "different sounds, different embeddings", "FAIL"),
    ({"get_scene_embeddings": lambda a, m: sys.exit(0)}, "short clips", "FAIL"),
])  # fmt: skip
def test_conformance_finds_the_fault(
    make_module: MakeModule, parts: dict[str, object], check: str, verdict: str
) -> None:
    findings = {finding.check: finding.verdict for finding in check_encoder(make_module(**parts))}
    assert findings[check] == verdict


class Lazy(TinyModel):
    def __init__(self) -> None:
        super().__init__()
        self.more = nn.LazyLinear(4)


class Exits(TinyModel):
    def parameters(self, recurse: bool = True) -> None:  # type: ignore[override]
        sys.exit(0)


@pytest.mark.parametrize(("model", "cause"), [(Lazy, "no values yet"), (Exits, "SystemExit"), (NoRate, "sample_rate")])
def test_conformance_tells_what_cannot_be_loaded(make_module: MakeModule, model: type[nn.Module], cause: str) -> None:
    [finding] = check_encoder(make_module(load_model=lambda path="": model()))
    assert (finding.check, finding.verdict) == ("loads", "FAIL")
    assert cause in finding.found


def test_a_package_that_lacks_something_is_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_a_package").mkdir()
    (tmp_path / "half_a_package" / "__init__.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match=r"Importing half_a_package\.encoder failed: ModuleNotFoundError"):
        load_encoder("half_a_package.encoder")
    for name in ("no_such_package.encoder", "logmell", "json.encoder.part"):
        with pytest.raises(EncoderError, match="There is no encoder"):
            load_encoder(name)


def test_a_registered_encoder_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = {"gone": "no_such_module_of_mine", "odd": "json:loads"}
    monkeypatch.setattr("hear_audiomosaic.hear.finding.registered_encoders", lambda: registered)
    for name in registered:
        with pytest.raises(
            EncoderError, match=f"The encoder '{name}' is registered .* as the module {registered[name]}"
        ):
            load_encoder(name)


def test_an_encoder_keeps_its_own_dtype_and_leaves_ours(make_module: MakeModule) -> None:
    seen = []

    def load_model(path: str = "") -> TinyModel:
        torch.set_default_dtype(torch.float64)
        return TinyModel()

    def embed(audio: torch.Tensor, model: nn.Module) -> torch.Tensor:
        seen.append(torch.get_default_dtype())
        return scene(audio, model).float()

    encoder = load_encoder(make_module(load_model=load_model, get_scene_embeddings=embed))
    assert torch.get_default_dtype() == torch.float32
    encoder.with_label("another").scene(torch.rand(1, 4000))
    assert (seen, torch.get_default_dtype()) == ([torch.float64], torch.float32)
