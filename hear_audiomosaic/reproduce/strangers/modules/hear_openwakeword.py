"""The speech embedding of openWakeWord, as a HEAR module.

Package: openwakeword 0.3.1, Apache-2.0, the last minor version whose wheel has the models inside. The embedding is
Google's `speech_embedding` (Apache-2.0), trained to spot 5,000 keywords in speech from the web (Lin et al., "Training
keyword spotters with limited and synthesized speech data", ICASSP 2020); the wheel's wake words, under another
licence, are not used.
Embedding: its output (96) for windows of 76 frames (775 ms) every 80 ms, of a scene their mean; zeros behind clips
that are shorter than a window. 16 kHz.
"""

import numpy as np
from openwakeword.utils import AudioFeatures

WINDOW, HOP, FRAME = 76, 8, 160  # frames, frames, samples
SHORTEST = (WINDOW + 3) * FRAME  # samples that give one window

encoder_card = {
    "title": "openWakeWord 0.3.1: Google's speech_embedding",
    "licence": "Apache-2.0",
    "training_data": "keywords in speech from the web (not published)",
}


class Model:
    sample_rate = 16000
    scene_embedding_size = 96
    timestamp_embedding_size = 96

    def __init__(self):
        self.features = AudioFeatures(ncpu=1)


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    clips = np.asarray(audio, np.float32)
    n_samples = max(SHORTEST, -(-clips.shape[1] // FRAME) * FRAME)  # else `embed_clips` may expect a frame too many
    clips = np.pad(clips, ((0, 0), (0, n_samples - clips.shape[1])))
    whole = (np.clip(clips, -1, 1) * 32767).astype(np.int16)  # what the package takes
    embeddings = np.stack([model.features.embed_clips(clip[None])[0] for clip in whole])  # (B, T, 96)
    centres = (np.arange(embeddings.shape[1]) * HOP + WINDOW / 2) * FRAME / model.sample_rate * 1000
    return embeddings, np.tile(centres.astype(np.float32), (len(clips), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
