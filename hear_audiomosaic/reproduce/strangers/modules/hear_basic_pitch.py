"""Basic Pitch: a transcriber of notes, as a HEAR module.

Package: basic-pitch 0.4.0, Apache-2.0, weights inside the wheel. It was trained to transcribe polyphonic music of
many instruments (Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and
multipitch estimation", ICASSP 2022).
Embedding: its three outputs side by side, onsets and notes of 88 semitones and contours of 264 thirds of semitones
(440 in [0, 1]), in frames of 11.6 ms; windows of 2 s overlap by 30 frames, as in `run_inference`. Of a scene, the
mean. 22.05 kHz.
The ONNX model in the wheel is run: twice as fast as the TensorFlow Lite one that the package prefers, and the same
outputs.
"""

import numpy as np
from basic_pitch import FilenameSuffix, build_icassp_2022_model_path
from basic_pitch.constants import AUDIO_N_SAMPLES, AUDIO_SAMPLE_RATE, FFT_HOP
from basic_pitch.inference import Model as Transcriber
from basic_pitch.inference import unwrap_output, window_audio_file

N_OVERLAPPING = 30  # frames

encoder_card = {
    "title": "Basic Pitch 0.4.0",
    "licence": "Apache-2.0",
    "training_data": "MAESTRO, GuitarSet, MedleyDB-Pitch, iKala, Slakh: notes",
}


class Model:
    sample_rate = AUDIO_SAMPLE_RATE
    scene_embedding_size = 440
    timestamp_embedding_size = 440

    def __init__(self):
        self.transcriber = Transcriber(build_icassp_2022_model_path(FilenameSuffix.onnx))

    def frames(self, clip):
        """A clip (S,) -> (T, 440)."""
        overlap = N_OVERLAPPING * FFT_HOP
        padded = np.concatenate([np.zeros(overlap // 2, np.float32), clip])
        windows = window_audio_file(padded, AUDIO_N_SAMPLES - overlap)
        outputs = [self.transcriber.predict(window[None].astype(np.float32)) for window, _ in windows]
        return np.concatenate(
            [
                unwrap_output(np.concatenate([one[name] for one in outputs]), len(clip), N_OVERLAPPING)
                for name in ("onset", "note", "contour")
            ],
            axis=1,
        )


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    embeddings = np.stack([model.frames(clip) for clip in np.asarray(audio, np.float32)]).astype(np.float32)
    centres = np.arange(embeddings.shape[1]) * FFT_HOP / model.sample_rate * 1000
    return embeddings, np.tile(centres.astype(np.float32), (len(embeddings), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
