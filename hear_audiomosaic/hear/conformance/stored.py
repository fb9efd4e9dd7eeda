"""Stored embeddings are reused while the fingerprint stays: does it see what they depend on?"""

from __future__ import annotations

from hear_audiomosaic.hear.conformance.findings import NotAsked, Remark, Subject
from hear_audiomosaic.hear.dependencies.imports import LIBRARY

__all__ = ["accounted_for", "same_when_loaded_again"]


def accounted_for(subject: Subject) -> str:
    """Are there weights that the fingerprint may not see?"""
    encoder = subject.encoder
    names = encoder.inventory.names
    files = [*names.get("weights", ()), *names.get("data_files", ()), *names.get("files_read", ())]
    seen = f"{len(names.get('state', ()))} values of model and module, {len(files)} files"
    is_ours = all(name.startswith(f"{LIBRARY}/") for name in names["code"] if name != "module")
    why = "0 parameters" if encoder.n_parameters == 0 else "" if encoder.is_torch_module else "no torch.nn.Module"
    if why and not is_ours:
        raise Remark(
            f"{why}: weights that are not in parameters or buffers are digested only as {seen}"
            f"{': ' if files else ''}{', '.join(files[:5])}{', ...' if len(files) > 5 else ''}; "
            "a file that is opened by compiled code or while embedding is not seen: pass it as WEIGHTS or as an option"
        )
    return seen


def same_when_loaded_again(subject: Subject) -> str:
    """Another loading has the same fingerprint."""
    if subject.again is None:
        raise NotAsked("it was handed over, not loaded")
    differences = subject.encoder.inventory.differences(subject.again.inventory)
    if differences:
        shown = ", ".join(differences[:5]) + (", ..." if len(differences) > 5 else "")
        raise Remark(f"embeddings can never be reused, since each loading has others: {shown}; set a seed")
    return "same fingerprint"
