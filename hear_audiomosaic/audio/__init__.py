"""Signals: reading, resampling and the two spectrogram front ends.

Everything here maps waveforms to waveforms or to frames, on any batch; it knows nothing of networks or tasks.
"""

from hear_audiomosaic.audio.fbank import kaldi_fbank
from hear_audiomosaic.audio.files import Decoded, decode, read_audio, write_wav
from hear_audiomosaic.audio.logmel import slaney_log_mel
from hear_audiomosaic.audio.resampling import resample

__all__ = ["Decoded", "decode", "kaldi_fbank", "read_audio", "resample", "slaney_log_mel", "write_wav"]
