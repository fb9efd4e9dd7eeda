"""Protocols, probes and their trainers: embeddings and labels in, a task's score out."""

from hear_audiomosaic.probing.data import ProbeTask, SplitRows, frame_labels, heareval_row_order, multi_hot
from hear_audiomosaic.probing.grid import GridPoint
from hear_audiomosaic.probing.logistic import LogisticProbe
from hear_audiomosaic.probing.mlp import MlpProbe
from hear_audiomosaic.probing.probe_result import FoldResult, GridPointResult, ProbeResult
from hear_audiomosaic.probing.protocol import Protocol, get_protocol, protocol_names
from hear_audiomosaic.probing.run import run_protocol, run_seeds

__all__ = [
    "FoldResult",
    "GridPoint",
    "GridPointResult",
    "LogisticProbe",
    "MlpProbe",
    "ProbeResult",
    "ProbeTask",
    "Protocol",
    "SplitRows",
    "frame_labels",
    "get_protocol",
    "heareval_row_order",
    "multi_hot",
    "protocol_names",
    "run_protocol",
    "run_seeds",
]
