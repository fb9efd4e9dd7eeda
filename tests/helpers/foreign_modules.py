"""HEAR modules as other people write them: some are broken in one thing, some are honest but awkward in form.

Modelled on what public modules do; every module here has its own few lines, and a plain network of fixed bands.
"""

from __future__ import annotations

PLAIN = """
import torch
from torch.nn.functional import adaptive_avg_pool1d, pad


class Model(torch.nn.Module):
    sample_rate = 16000
    scene_embedding_size = 16
    timestamp_embedding_size = 16
    hop = 320


def load_model(model_file_path=""):
    return Model()


def frames(audio, hop=320):
    parts = pad(audio, (0, -audio.shape[1] % hop)).unflatten(1, (-1, hop))
    return adaptive_avg_pool1d(torch.fft.rfft(parts).abs(), 16)  # (B, T, 16)


def times(audio, hop=320, rate=16000):
    n = -(-audio.shape[1] // hop)
    centres = 1000.0 * (torch.arange(n) * hop + hop / 2) / rate
    return centres.clamp(max=1000.0 * audio.shape[1] / rate).expand(len(audio), -1)


def get_scene_embeddings(audio, model):
    return frames(audio).mean(1)


def get_timestamp_embeddings(audio, model):
    return frames(audio), times(audio)
"""

BROKEN = {
    "seconds_for_milliseconds": '''
def get_timestamp_embeddings(audio, model):
    return frames(audio), times(audio) / 1000.0
''',
    "not_a_number": '''
def get_scene_embeddings(audio, model):
    mean = frames(audio).mean(1)
    return torch.sqrt(mean - mean.amax(1, keepdim=True))
''',
    "one_embedding_for_all": '''
def get_scene_embeddings(audio, model):
    return torch.ones(len(audio), 16)
''',
    "one_embedding_for_most": '''
def get_scene_embeddings(audio, model):
    mean = frames(audio).mean(1)
    centre = (mean * torch.arange(16)).sum(1) / mean.sum(1).clamp(min=1e-9)
    return torch.nn.functional.one_hot((centre > 2).long() + (centre > 6), 16).float()
''',
    "statistics_of_the_batch": '''
def normalised(audio):
    x = frames(audio)
    return (x - x.mean()) / (x.std() + 1e-6)


def get_scene_embeddings(audio, model):
    return normalised(audio).mean(1) + frames(audio).mean(1)


def get_timestamp_embeddings(audio, model):
    return normalised(audio), times(audio)
''',
    "scene_breaks_timestamps": '''
def get_scene_embeddings(audio, model):
    model.hop = None
    return frames(audio).mean(1)


def get_timestamp_embeddings(audio, model):
    return frames(audio, model.hop), times(audio, model.hop)
''',
    "timestamps_change_scene": '''
def get_scene_embeddings(audio, model):
    return frames(audio, model.hop).mean(1)


def get_timestamp_embeddings(audio, model):
    model.hop = 640
    return frames(audio), times(audio)
''',
    "drifting": '''
def get_timestamp_embeddings(audio, model):
    return frames(audio, 363), times(audio, 360)[:, : -(-audio.shape[1] // 363)]
''',
    "another_rate": '''
Model.sample_rate = 48000
''',
}  # fmt: skip
"""Appended to :data:`PLAIN`: one thing each is wrong."""

AWKWARD = {
    # A path that is required and ignored, no sizes, whole milliseconds of one row, and words everywhere.
    "wordy": '''
import os
print("imported")
del Model.scene_embedding_size, Model.timestamp_embedding_size


def load_model(path):
    print("loading", path)
    os.write(1, b"from C at load\\n")
    return Model()


def get_scene_embeddings(audio, model):
    print("embedding")
    os.write(1, b"from C\\n")
    return frames(audio).mean(1)


def get_timestamp_embeddings(audio, model):
    print("embedding")
    return frames(audio), times(audio)[0].round().long()
''',
    # Gradients, a layout of its own, a list with a third output.
    "attached": '''
class Model(Model):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(16))


def load_model(model_file_path="", arch="base", mode="all", **options):
    return Model()


def get_scene_embeddings(audio, model):
    with torch.enable_grad():
        return frames(audio).mean(1) * model.gain


def get_timestamp_embeddings(audio, model):
    values = frames(audio)
    return [values.transpose(1, 2).contiguous().transpose(1, 2), times(audio), "logits"]
''',
    # No torch.nn.Module: an object, numpy inside and outside, double precision.
    "an_object": '''
class Anything:
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 16

    def __init__(self, weights):
        self.weights = weights


def load_model(model_file_path):
    return Anything(torch.ones(16).double().numpy())


def get_scene_embeddings(audio, model):
    return frames(audio).mean(1).numpy() * model.weights


def get_timestamp_embeddings(audio, model):
    return frames(audio).numpy() * model.weights, times(audio).numpy()
''',
    # Numbers as text and as numpy's, an embedding at a time.
    "of_lists": '''
import numpy
Model.sample_rate = "16000"
Model.scene_embedding_size = numpy.int64(16)


def get_scene_embeddings(audio, model):
    return [frames(one[None]).mean(1)[0] for one in audio]


def get_timestamp_embeddings(audio, model):
    return [frames(one[None])[0] for one in audio], times(audio).tolist()
''',
    # Half precision, rates as floats, whole milliseconds.
    "half": '''
Model.sample_rate = 16000.0


def load_model(path=None, device=None):
    return Model()


def get_scene_embeddings(audio, model):
    return frames(audio).mean(1).half()


def get_timestamp_embeddings(audio, model):
    return frames(audio).half(), times(audio).round().long()
''',
    # Whatever arguments, one row of times for a batch, no axis of clips for a single clip.
    "squeezed": '''
def load_model(*args, **kwargs):
    return Model()


def get_scene_embeddings(audio, model):
    return frames(audio).mean(1).bfloat16().squeeze(), None


def get_timestamp_embeddings(audio, model):
    return frames(audio).squeeze(0), times(audio)[:1]
''',
    # As HEAR allows them: a tf.Module, which takes TensorFlow's tensors and returns them.
    "of_tensorflow": '''
import tensorflow as tf


class Keras(tf.Module):
    sample_rate = 16000

    def __init__(self):
        self.variables = [tf.convert_to_tensor(torch.ones(4, 4).numpy())]


def load_model(model_file_path=""):
    return Keras()


def get_scene_embeddings(audio, model):
    assert type(audio) is tf.Tensor
    return tf.convert_to_tensor(frames(torch.from_numpy(audio.numpy())).mean(1).numpy())


def get_timestamp_embeddings(audio, model):
    audio = torch.from_numpy(audio.numpy())
    return tf.convert_to_tensor(frames(audio).numpy()), tf.convert_to_tensor(times(audio).double().numpy())
''',
}  # fmt: skip
"""Appended to :data:`PLAIN`: another form of the same."""

TENSORFLOW = '''
"""As much of TensorFlow as a module of HEAR needs."""


class Module:
    pass


class Tensor:
    def __init__(self, values):
        self._values, self.shape = values, values.shape

    def numpy(self):
        return self._values


def convert_to_tensor(values):
    return Tensor(values)
'''


def source_of(name: str) -> str:
    """The text of a module."""
    return PLAIN + (BROKEN | AWKWARD)[name]
