"""Protocols, heads and the fused trainer: embeddings and labels in, a task's score out."""

from hear_audiomosaic.probing.data import (
    ProbeTask,
    SplitRows,
    fold_rotation,
    frame_labels,
    heareval_row_order,
    multi_hot,
)
from hear_audiomosaic.probing.protocol import GridPoint, Protocol, get_protocol, protocol_names
from hear_audiomosaic.probing.run import FoldResult, ProbeResult, run_protocol, run_seeds

__all__ = [
    "FoldResult",
    "GridPoint",
    "ProbeResult",
    "ProbeTask",
    "Protocol",
    "SplitRows",
    "fold_rotation",
    "frame_labels",
    "get_protocol",
    "heareval_row_order",
    "multi_hot",
    "protocol_names",
    "run_protocol",
    "run_seeds",
]
