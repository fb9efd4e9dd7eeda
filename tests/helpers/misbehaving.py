"""A HEAR module with numpy alone, for workers, that misbehaves as it is told: ``misbehaving?scene=dies``."""

import os
import signal
import subprocess
import sys
import time

import numpy as np

sys.stdout.write("misbehaving was imported (a test looks for this on stdout)\n")

GAIN = 1.0
DOES = {
    "nothing": lambda: None,
    "waits": lambda: time.sleep(0.01),
    "raises": lambda: 1 / 0,
    "has no memory": lambda: np.empty(1 << 60, np.uint8),
    "exits": lambda: sys.exit(4),
    "dies": lambda: (os.write(2, b"the last words\n"), os._exit(3)),
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": lambda: (os.write(2, b"the last words\n"), time.sleep(1000)),
    "hangs in a loop": lambda: any(iter(int, 1)),
    "prints": lambda: (sys.stdout.write("x" * 3_000_000), os.write(1, b"y" * 3_000_000)),
    "closes": lambda: [os.close(i) for i in range(3, 20) if _is_open(i)],
    "starts another": lambda: (os.write(2, b"%d\n" % subprocess.Popen(["/bin/sleep", "1000"]).pid), os._exit(3)),
}


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


class Model:
    sample_rate = 16000
    scene_embedding_size = 4
    timestamp_embedding_size = 4

    def __init__(self, **does):
        self.does = does
        self.weights = np.arange(4, dtype=np.float32)

    def do(self, what):
        DOES[self.does.get(what, "nothing")]()


def load_model(model_file_path, **does):
    model = Model(**does)
    model.do("load")
    return model


def get_timestamp_embeddings(audio, model):
    model.do("timestamps")
    frames = audio[:, : audio.shape[1] // 400 * 400].reshape(len(audio), -1, 400)
    times = np.tile(np.arange(frames.shape[1]) * 25.0 + 12.5, (len(audio), 1))
    return GAIN * features(frames), times


def get_scene_embeddings(audio, model):
    if np.abs(audio).max() > model.does.get("above", -1):
        model.do("scene")
    return GAIN * features(audio)


def features(audio):
    return np.stack([audio.mean(-1), audio.std(-1), np.abs(audio).max(-1), audio[..., 0]], -1).astype(np.float32)
