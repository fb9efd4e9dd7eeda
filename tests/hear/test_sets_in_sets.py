"""A model that holds a graph: nodes with sets of their neighbours, in this process and in a worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hear_audiomosaic.hear import load_encoder

_MODULE = """
import numpy as np

class Node:
    def __init__(self, value):
        self.value, self.near = value, set()

class Model:
    sample_rate = 16000
    scene_embedding_size = timestamp_embedding_size = 1

    def __init__(self):
        nodes = [Node(np.full(3, i + {value})) for i in range(40)]
        for node in nodes:
            node.near.update(nodes)
        self.first = nodes[0]
        self.plain = {{1, 2, "three"}}

def load_model(path=""):
    return Model()

def get_scene_embeddings(audio, model):
    return audio[:, :1]

def get_timestamp_embeddings(audio, model):
    return audio[:, None, :1], np.full((len(audio), 1), 10.0)
"""


@pytest.mark.parametrize("python", ["", f"@{sys.executable}"])
def test_nodes_that_hold_one_another_are_digested(tmp_path: Path, python: str) -> None:
    """Once each, and not along all ways through the graph."""
    inventories = []
    for value in (0, 0, 1):
        (tmp_path / "graph_of_nodes.py").write_text(_MODULE.format(value=value))
        inventories.append(load_encoder(f"{tmp_path}/graph_of_nodes.py{python}").inventory)
    assert not inventories[1].differences(inventories[0])
    assert any("Model" in one or "model" in one or "first" in one for one in inventories[2].differences(inventories[0]))
