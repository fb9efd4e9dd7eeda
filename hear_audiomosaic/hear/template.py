"""What ``encoders new NAME`` writes: a module to fill in that keeps HEAR's contract as it is, and its check as a test.

The placeholder is a random projection of a spectrogram: it is marked as untrained, has seeded weights, and passes
``encoders check``, so that what is found after an edit is the edit's.
"""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path

from hear_audiomosaic.errors import EncoderError
from hear_audiomosaic.file_errors import file_errors
from hear_audiomosaic.files import make_folder
from hear_audiomosaic.hear.registry import registered_encoders

__all__ = ["write_template"]

_MODULE = '''"""NAME: a HEAR module. Everything marked TODO is to be replaced.

Check it after each edit, in its folder: hear-audiomosaic encoders check NAME
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

encoder_card = {
    "title": "NAME",
    "licence": "",  # TODO of the weights and the code, such as "Apache-2.0"
    "training_data": "",  # TODO what the weights were trained on
    "note": "A placeholder: a random projection of a spectrogram.",  # TODO what it is not, or ""
    # "paper": {"title": "...", "authors": ["Family, Given"], "year": 2026, "arxiv": "..."},
}

FRAME, HOP = 400, 320  # samples: 25 and 20 ms


class Model(nn.Module):
    """TODO your network. The HEAR API asks for the three numbers, and wants the module in evaluation mode."""

    sample_rate = 16000  # Hz; the audio that arrives has this rate
    scene_embedding_size = 128
    timestamp_embedding_size = 128
    untrained = True  # TODO remove: tables mark encoders whose weights are random

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(FRAME // 2 + 1, self.timestamp_embedding_size)

    def forward(self, audio: Tensor) -> Tensor:
        """float32 (B, S) -> float32 (B, T, 128); frame t is centred at sample t * HOP."""
        padded = nn.functional.pad(audio, (FRAME // 2, FRAME // 2))
        frames = padded.unfold(1, FRAME, HOP)  # (B, T, FRAME)
        spectrum = torch.fft.rfft(frames * torch.hann_window(FRAME, device=audio.device)).abs()
        return self.project(torch.log(spectrum + 1e-3))


def load_model(model_file_path: str = "") -> Model:
    """Build the model and load its weights.

    Args:
        model_file_path: what stands after the colon of a reference (NAME:weights.pt); empty where nothing does.
            Further keyword arguments are options of a reference (NAME?layer=3).
    """
    torch.manual_seed(0)  # TODO remove with the random weights
    model = Model()
    if model_file_path:
        model.load_state_dict(torch.load(model_file_path, map_location="cpu", weights_only=True))
    return model.eval()


def get_timestamp_embeddings(audio: Tensor, model: Model) -> tuple[Tensor, Tensor]:
    """One embedding for each frame, for tasks that ask when something sounds.

    Args:
        audio: float32 (B, S) in [-1, 1], clips of one length at model.sample_rate, from 25 ms to minutes.
        model: of load_model.

    Returns:
        Embeddings, float32 (B, T, timestamp_embedding_size), and the centre of each frame, float32 (B, T), in
        MILLISECONDS from the beginning of the clip: in equal steps, of 50 ms at most if events are to be found.
    """
    embeddings = model(audio)
    times_ms = torch.arange(embeddings.shape[1]) * (1000.0 * HOP / model.sample_rate)
    return embeddings, times_ms.expand(len(audio), -1)


def get_scene_embeddings(audio: Tensor, model: Model) -> Tensor:
    """One embedding for each clip.

    Args:
        audio: float32 (B, S) in [-1, 1], clips of one length at model.sample_rate, from 25 ms to minutes. What comes
            out for a clip must not depend on the others of its batch.
        model: of load_model.

    Returns:
        float32 (B, scene_embedding_size).
    """
    embeddings, _ = get_timestamp_embeddings(audio, model)
    return embeddings.mean(dim=1)
'''

_TEST = '''"""What HEAR asks of NAME, as "hear-audiomosaic encoders check" has it. Run it with: pytest test_NAME.py."""

from pathlib import Path

from hear_audiomosaic import check_encoder


def test_it_keeps_hears_contract():
    findings = check_encoder(str(Path(__file__).resolve().with_name("NAME.py")))
    faults = [f"{one.check}: {one.found}" for one in findings if one.verdict == "FAIL"]
    assert not faults, "; ".join(faults)
'''


def write_template(name: str, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.py``, a HEAR module to fill in with its card, and ``test_NAME.py``, its check as a test.

    Args:
        name: of the module.
        folder: where to; made if need be.

    Returns:
        The two files.

    Raises:
        EncoderError: the name is none that a module can have, or is taken; or one of the files is there. Nothing is
            written then.
        FileError: they cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,99}", name) or keyword.iskeyword(name):
        raise EncoderError(
            f"{name!r} cannot be the name of a module; take letters, digits and underscores, such as my_encoder."
        )
    module, test = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in (module, test, folder / name):
        if path.exists() or path.is_symlink():
            raise EncoderError(f"{path} is there already and stays as it is; choose another name or --out.")
    if name in registered_encoders():
        raise EncoderError(f"'{name}' is the name of a registered encoder; choose another one.")
    if find_spec(name) is not None:
        raise EncoderError(f"There is a module {name} already, which would be imported instead; choose another name.")
    make_folder(folder)
    for path, content in ((module, _MODULE), (test, _TEST)):
        with file_errors("written", path), path.open("x", encoding="utf-8") as file:
            file.write(content.replace("NAME", name))
    return module, test
