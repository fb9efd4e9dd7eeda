"""The HEAR contract: load any module by a reference, check what it returns, cut long clips into windows."""

from hear_audiomosaic.hear.encoder import Encoder, load_encoder, registered_encoders
from hear_audiomosaic.hear.reference import EncoderRef

__all__ = ["Encoder", "EncoderRef", "load_encoder", "registered_encoders"]
