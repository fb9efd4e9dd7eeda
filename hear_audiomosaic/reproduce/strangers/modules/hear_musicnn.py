"""musicnn: a tagger of music, as a HEAR module.

Package: musicnn 0.1.0, ISC, weights inside the wheel (TensorFlow 1). It was trained to tag music: instruments,
genres, voices (Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", ISMIR
2019).
Embedding: the layer before the tags (200) of `MTT_musicnn`, for windows of 187 frames (3 s) without overlap, of a
scene their mean. What does not fill a window is left out, but of a clip shorter than one, which is repeated to fill
it. 16 kHz.
Deviation: the mel spectrogram stays float32; in the package's float16 what is loud becomes infinite.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import librosa
import musicnn
import numpy as np
import tensorflow as tf
from musicnn import configuration, models

WINDOW = 187  # frames

encoder_card = {
    "title": "musicnn 0.1.0 (MTT_musicnn)",
    "licence": "ISC",
    "training_data": "MagnaTagATune: 50 tags",
}


class Model:
    sample_rate = configuration.SR
    scene_embedding_size = 200
    timestamp_embedding_size = 200

    def __init__(self):
        tf.compat.v1.disable_eager_execution()
        tf.compat.v1.reset_default_graph()
        with tf.name_scope("model"):  # as the checkpoint's names have it
            patches = tf.compat.v1.placeholder(tf.float32, [None, WINDOW, configuration.N_MELS])
            training = tf.compat.v1.placeholder(tf.bool)
            outputs = models.define_model(patches, training, "MTT_musicnn", len(configuration.MTT_LABELS))
        one_thread = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        session = tf.compat.v1.Session(config=one_thread)
        tf.compat.v1.train.Saver().restore(session, str(Path(musicnn.__file__).parent / "MTT_musicnn") + "/")
        self.penultimate = session.make_callable(outputs[-1], [patches, training])

    @property
    def variables(self):
        """The weights, by which they are counted."""
        return tf.compat.v1.trainable_variables()

    def windows(self, clip):
        """A clip (S,) -> (T, 200)."""
        mel = librosa.feature.melspectrogram(
            y=clip,
            sr=self.sample_rate,
            hop_length=configuration.FFT_HOP,
            n_fft=configuration.FFT_SIZE,
            n_mels=configuration.N_MELS,
        ).T
        mel = np.log10(10000 * mel + 1).astype(np.float32)
        if len(mel) < WINDOW:
            mel = np.resize(mel, (WINDOW, mel.shape[1]))  # repeats
        n = len(mel) // WINDOW
        patches = mel[: n * WINDOW].reshape(n, WINDOW, -1)
        return self.penultimate(patches, False)


def load_model(model_file_path=""):
    return Model()


def get_timestamp_embeddings(audio, model):
    embeddings = np.stack([model.windows(clip) for clip in np.asarray(audio, np.float32)])
    centres = (np.arange(embeddings.shape[1]) + 0.5) * WINDOW * configuration.FFT_HOP / model.sample_rate * 1000
    return embeddings, np.tile(centres.astype(np.float32), (len(embeddings), 1))


def get_scene_embeddings(audio, model):
    return get_timestamp_embeddings(audio, model)[0].mean(axis=1)
