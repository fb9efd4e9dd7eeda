"""torchcrepe: a pitch tracker, as a HEAR module.

Package: torchcrepe 0.0.23, MIT, weights inside the wheel. It was trained to tell the pitch of single voices and
instruments (Kim et al., "CREPE: A convolutional representation for pitch estimation", ICASSP 2018).
Embedding: the fifth pooling layer of the `tiny` model (32 positions x 8 channels = 256), what `torchcrepe.embed`
gives, for frames of 64 ms every 100 ms (the package's own hop is 10 ms; cost is why); of a scene, their mean. 16 kHz.
"""

import numpy as np
import torch
import torchcrepe

HOP = 1600  # samples

encoder_card = {
    "title": "torchcrepe 0.0.23 (CREPE tiny)",
    "licence": "MIT",
    "training_data": "synthesised and resynthesised music with known pitch (see the paper)",
}


class Model:
    sample_rate = 16000
    scene_embedding_size = 256
    timestamp_embedding_size = 256

    def __init__(self):
        torchcrepe.load.model("cpu", "tiny")
        self.network = torchcrepe.infer.model  # where the package keeps it


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    clips = torch.from_numpy(np.array(audio, np.float32))
    with torch.no_grad():
        frames = [
            torchcrepe.embed(clip[None], model.sample_rate, HOP, "tiny", batch_size=256).flatten(2)[0] for clip in clips
        ]
    embeddings = torch.stack(frames).numpy()  # (B, T, 256)
    centres = np.arange(embeddings.shape[1]) * HOP / model.sample_rate * 1000
    return embeddings, np.tile(centres.astype(np.float32), (len(clips), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
