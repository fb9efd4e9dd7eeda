"""aiSFX: an encoder of sound effects, as a HEAR module.

Package: aisfx 0.1.2, CC BY 4.0 (the licence file in the wheel; its metadata say MIT), weights inside the wheel. It
was trained to sort the sound effects of commercial libraries into their categories (Ma and Lerch, "Representation
learning for the automatic indexing of sound effects libraries", ISMIR 2022).
Embedding: the output of the convolutional network (512) for blocks of 100 frames (2.3 s) without overlap, of a scene
their mean. What does not fill a block is left out, but of a clip shorter than one, which gets zeros behind. 44.1 kHz.
Deviation: blocks overlap by half in the paper. The spectrogram is the package's librosa variant (peak at 1), made
here because `spectrogram_librosa` reads files only and gives (mels, frames) where `blocking` takes (frames, mels).
"""

import librosa
import numpy as np
import torch
from aisfx import inference
from aisfx.preprocessing import spectrogram_normalize

encoder_card = {
    "title": "aiSFX 0.1.2",
    "licence": "CC BY 4.0",
    "training_data": "sound effects: Pro Sound Effects, Soundly and others",
}


class Model:
    sample_rate = int(inference.SAMPLE_RATE)
    scene_embedding_size = 512
    timestamp_embedding_size = 512

    def __init__(self):
        self.network = inference.load_bestModel(*inference.load_weights("cpu"), "cpu").embedding_net

    def blocks(self, clip):
        """A clip (S,) -> (T, 512)."""
        mel = librosa.feature.melspectrogram(
            y=clip / (np.abs(clip).max() or 1),
            sr=self.sample_rate,
            n_fft=inference.SPEC_BLOCK_LENGTH,
            hop_length=inference.SPEC_HOP_LENGTH,
            n_mels=inference.MEL_BINS,
            fmin=inference.F_MIN,
            fmax=inference.F_MAX,
            norm=1.0,
            htk=True,
            power=2.0,
        ).T
        mel = spectrogram_normalize(np.log10(10000 * mel + 1)).astype(np.float32)
        size = inference.EMB_BLOCK_LENGTH
        mel = np.pad(mel, ((0, max(0, size - len(mel))), (0, 0)))
        n = len(mel) // size
        with torch.no_grad():
            return self.network(torch.from_numpy(mel[: n * size].reshape(n, size, -1))).numpy()


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    embeddings = np.stack([model.blocks(clip) for clip in np.asarray(audio, np.float32)])
    block_ms = inference.EMB_BLOCK_LENGTH * inference.SPEC_HOP_LENGTH / model.sample_rate * 1000
    centres = (np.arange(embeddings.shape[1]) + 0.5) * block_ms
    return embeddings, np.tile(centres.astype(np.float32), (len(embeddings), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
