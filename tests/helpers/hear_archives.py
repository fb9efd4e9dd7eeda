"""All tasks of HEAR 2021 in miniature, as the publisher packs them, and a catalogue whose cards fit them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from hear_audiomosaic.tasks import TaskCard

RATE_HZ = 48000
DURATION_S = 0.1
LABELS = ("cat", "dog")


def archive_name(task: str) -> str:
    return f"hear2021-{task}-48000.tar.gz"


def archive_of(card: TaskCard) -> bytes:
    """Two clips a split, of 0.1 s: ``hear-2021.0.6/tasks/TASK/...`` in a tar.gz."""
    files: dict[str, bytes] = {}
    rng = np.random.default_rng(0)
    for split in card.splits:
        labels: dict[str, Any] = {}
        for i, label in enumerate(LABELS):
            event = {"label": label, "start": 10.0, "end": 60.0}
            labels[f"{split} clip {i}.wav"] = [event if card.embedding_type == "event" else label]
        files[f"{split}.json"] = json.dumps(labels, indent=1).encode()
        for name in labels:
            wav = io.BytesIO()
            samples = rng.uniform(-0.5, 0.5, round(DURATION_S * RATE_HZ))
            soundfile.write(wav, samples, RATE_HZ, subtype="PCM_16", format="WAV")
            files[f"{RATE_HZ}/{split}/{name}"] = wav.getvalue()
    files["labelvocabulary.csv"] = b"idx,label\n" + b"".join(
        f"{i},{label}\n".encode() for i, label in enumerate(LABELS)
    )
    metadata = card.to_metadata() | {"sample_duration": DURATION_S}
    files["task_metadata.json"] = json.dumps(
        {key: value for key, value in metadata.items() if key != "hear_audiomosaic"}
    ).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"hear-2021.0.6/tasks/{card.directory_name}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def catalogue_for(archives: dict[str, bytes], url: str, shipped: Path, folder: Path) -> Path:
    """A copy of the shipped catalogue that knows this publisher, and whose cards have the miniatures' sizes."""
    shutil.copytree(shipped, folder)
    for path in (folder / "hear2021").glob("*.yaml"):
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        n_clips = 2 * len(fields["splits"])
        fields |= {"n_clips": n_clips, "n_classes": 2, "hours": n_clips * DURATION_S / 3600}
        fields |= {"sample_duration_s": DURATION_S}
        path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    listed = json.loads((folder / "hear2021" / "archives.json").read_text())
    listed |= {"record": url, "files": f"{url}/files"}
    for entry in listed["archives"].values():
        if "md5" in entry:
            entry["md5"] = hashlib.md5(archives[entry["name"]], usedforsecurity=False).hexdigest()
    (folder / "hear2021" / "archives.json").write_text(json.dumps(listed))
    return folder
