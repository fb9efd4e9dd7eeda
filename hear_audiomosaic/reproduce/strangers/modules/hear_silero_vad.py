"""Silero VAD: a voice activity detector, as a HEAR module.

Package: silero-vad 6.2.3, MIT, weights inside the wheel. It was trained to tell speech from anything else, in many
languages; the authors do not publish on what.
Embedding: the hidden state of its LSTM (128) after each chunk of 32 ms, out of the ONNX model's state; the score of
speech is a linear function of it. Of a scene, the mean. The state starts at zero with each clip. 16 kHz.
"""

import numpy as np
import torch
from silero_vad import load_silero_vad

CHUNK = 512  # samples

encoder_card = {
    "title": "Silero VAD 6.2.3",
    "licence": "MIT",
    "training_data": "not published: speech in many languages, and what is none",
}


class Model:
    sample_rate = 16000
    scene_embedding_size = 128
    timestamp_embedding_size = 128

    def __init__(self):
        self.vad = load_silero_vad(onnx=True)


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    clips = np.asarray(audio, np.float32)
    n_chunks = -(-clips.shape[1] // CHUNK)
    clips = torch.from_numpy(np.pad(clips, ((0, 0), (0, n_chunks * CHUNK - clips.shape[1]))))
    model.vad.reset_states(len(clips))
    hidden = []
    for chunk in clips.split(CHUNK, dim=1):
        model.vad(chunk, model.sample_rate)
        hidden.append(model.vad._state[0].numpy().copy())  # (B, 128); ._state[1] is the cell
    centres = (np.arange(n_chunks) + 0.5) * CHUNK / model.sample_rate * 1000
    return np.stack(hidden, axis=1), np.tile(centres.astype(np.float32), (len(clips), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
