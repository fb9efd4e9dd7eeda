"""Resemblyzer: a speaker encoder (GE2E), as a HEAR module.

Package: Resemblyzer 0.1.4, Apache-2.0, weights inside the wheel. It was trained to tell speakers apart on
LibriSpeech, VoxCeleb 1 and 2 (Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018).
Embedding: the output of `VoiceEncoder` (256, rectified, unit length) for partial utterances of 1.6 s at 1.3 a second,
zeros behind clips that are shorter; of a scene, their mean at unit length, as `embed_utterance` has it. 16 kHz.
Deviation: the volume is raised to -30 dBFS as in `preprocess_wav`, but silences stay in.
"""

import numpy as np
from resemblyzer import VoiceEncoder
from resemblyzer.audio import normalize_volume
from resemblyzer.hparams import audio_norm_target_dBFS

encoder_card = {
    "title": "Resemblyzer 0.1.4",
    "licence": "Apache-2.0",
    "training_data": "LibriSpeech, VoxCeleb 1 and 2: speakers",
}


class Model:
    sample_rate = 16000
    scene_embedding_size = 256
    timestamp_embedding_size = 256

    def __init__(self):
        self.encoder = VoiceEncoder(device="cpu", verbose=False)

    def embed(self, clip):
        """A clip (S,) -> its embedding (256,), those of its partial utterances (T, 256), their centres in ms (T,)."""
        if clip.any():
            clip = normalize_volume(clip, audio_norm_target_dBFS, increase_only=True)
        scene, partials, slices = self.encoder.embed_utterance(clip, return_partials=True)
        return scene, partials, [(one.start + one.stop) / 2 / self.sample_rate * 1000 for one in slices]


def load_model(model_file_path=""):
    return Model()


def get_scene_embeddings(audio, model):
    return np.stack([model.embed(clip)[0] for clip in np.asarray(audio, np.float32)]).astype(np.float32)


def get_timestamp_embeddings(audio, model):
    _, partials, centres = zip(*(model.embed(clip) for clip in np.asarray(audio, np.float32)), strict=True)
    return np.stack(partials).astype(np.float32), np.array(centres, np.float32)
