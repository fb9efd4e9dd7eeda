"""Three measurements of whether an embedding holds WHERE a pattern is.

* Retrieval AUC per operator: is a clip's second crop closer to it than the clip with its patterns moved? 0: the encoder
  takes moved patterns for the same sound; 1: it never does. (Cosine, around the mean embedding.)
* Order probe: a logistic regression separates clips in their own order from clips whose pieces are in another one, from
  the embedding alone (AUC; chance 0.5). The clips in their own order have seams too, so seams give nothing away.
* Pitch shift: a ridge regression predicts by how many mel bins (-16 to 16) a clip was shifted (R^2; chance 0): from the
  embedding of the shifted clip, and from its difference to the embedding of the unshifted one.

Probes are cross-validated, no clip in both parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from hear_adversarial.front_end import RATE_HZ
from hear_adversarial.negatives import OPERATORS
from hear_audiomosaic.audio import resample
from hear_audiomosaic.hear import Encoder
from hear_audiomosaic.reproduce.positions.views import ORDERS_PER_CLIP, SHIFTS_PER_CLIP, Views

__all__ = ["embed_sounds", "embed_windows", "measure", "scores_text"]

Embeddings = npt.NDArray[np.float32]
_FOLDS = 5


def embed_sounds(sounds: Mapping[str, Tensor], encoder: Encoder) -> dict[str, Embeddings]:
    """Scene embeddings (n, D) of all views as audio."""

    def embed(audio: Tensor) -> Embeddings:
        samples = np.stack([resample(clip, RATE_HZ, encoder.sample_rate) for clip in audio.numpy()])
        return encoder.scene(torch.from_numpy(samples))

    return {name: np.concatenate([embed(part) for part in torch.split(audio, 32)]) for name, audio in sounds.items()}


def embed_windows(views: Views, network: Callable[[Tensor], Tensor]) -> dict[str, Embeddings]:
    """Embeddings (n, D) of the log-mel windows (n, 64, 98) themselves, without the inversion to audio."""
    with torch.no_grad():
        return {
            name: torch.cat([network(part) for part in torch.split(windows, 64)]).numpy()
            for name, windows in views.windows.items()
        }


def measure(views: Views, embedded: Mapping[str, Embeddings]) -> dict[str, float]:
    """All numbers of one encoder: "auc/OPERATOR", "auc/mean", "order_auc", "shift_r2", "shift_r2_relative"."""
    scores = dict(_retrieval(views, embedded))
    scores["auc/mean"] = float(np.mean([scores[f"auc/{name}"] for name in OPERATORS]))
    scores["order_auc"] = _order_probe(views, embedded)
    scores["shift_r2"] = _shift_probe(views, embedded, relative=False)
    scores["shift_r2_relative"] = _shift_probe(views, embedded, relative=True)
    return scores


def scores_text(label: str, scores: Mapping[str, float]) -> str:
    """The numbers of one encoder, one per line."""
    return "\n".join([label, *(f"  {name:<26}{value:7.3f}" for name, value in scores.items())])


def _retrieval(views: Views, embedded: Mapping[str, Embeddings]) -> Iterator[tuple[str, float]]:
    mean = embedded["clip"].mean(axis=0)

    def similarity(name: str) -> npt.NDArray[np.float64]:
        a, b = (embedded[key].astype(np.float64) - mean for key in ("clip", name))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray((a * b).sum(axis=1) / np.maximum(lengths, 1e-12))

    crop = similarity("crop")
    for name in OPERATORS:
        kept = views.changed[name]
        moved = similarity(name)
        labels = np.repeat([1, 0], kept.sum())
        yield f"auc/{name}", float(roc_auc_score(labels, np.concatenate([crop[kept], moved[kept]])))


def _order_probe(views: Views, embedded: Mapping[str, Embeddings]) -> float:
    kept = views.changed["time_order"]
    kinds = [
        (name, label)
        for i in range(ORDERS_PER_CLIP)
        for name, label in ((f"own order {i}", 0), (f"other order {i}", 1))
    ]
    x = np.concatenate([embedded[name][kept] for name, _ in kinds])
    y = np.repeat([label for _, label in kinds], kept.sum())
    groups = np.tile(np.arange(kept.sum()), len(kinds))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    p = cross_val_predict(model, x, y, groups=groups, cv=GroupKFold(_FOLDS), method="predict_proba")[:, 1]
    return float(roc_auc_score(y, p))


def _shift_probe(views: Views, embedded: Mapping[str, Embeddings], *, relative: bool) -> float:
    parts = [embedded[f"shift {i}"] - (embedded["clip"] if relative else 0.0) for i in range(SHIFTS_PER_CLIP)]
    x, y = np.concatenate(parts), views.shifts.reshape(-1).astype(np.float64)
    groups = np.tile(np.arange(len(parts[0])), SHIFTS_PER_CLIP)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 5, 11)))
    return float(r2_score(y, cross_val_predict(model, x, y, groups=groups, cv=GroupKFold(_FOLDS))))
