"""Many binary logistic regressions on the same rows, solved as one problem.

Minimises for each label k ``sum_i log(1 + exp(-s_ik z_ik)) + |w_k|^2 / (2 C)``, z = x w_k + b_k, s = +-1: what
scikit-learn's LogisticRegression minimises, one label after another, with a pass over all rows for every label and
iteration. Here a pass serves all labels, and few passes are needed: the Hessian is bounded by that of the quadratic
upper bound, ``X'X / 4 + 1 / C`` (Boehning, "Multinomial logistic regression algorithm", 1992), in whose eigenbasis the
unknowns are scaled, which leaves the minimum where it is. scipy's L-BFGS does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["BinaryRegressions", "fit"]

MAX_ITERATIONS = 2000
GRADIENT_TOLERANCE = 1e-4
"""Largest entry of the gradient of the mean loss, in the scaled unknowns."""
CONVERGED_GRADIENT = 1e-3
"""The same where single precision ends the search earlier."""
SMALLEST_CURVATURE = 1e-6
"""Of the bound, relative to its mean: what single precision can tell from nothing."""


@dataclass(frozen=True)
class BinaryRegressions:
    """K fitted regressions."""

    weights: Tensor
    """(D, K) float32."""
    biases: Tensor
    """(K,) float32."""
    n_iterations: int
    converged: bool

    def probabilities(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, D) -> (n, K)."""
        return torch.sigmoid(torch.addmm(self.biases, torch.from_numpy(x), self.weights)).numpy()


def fit(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], inverse_penalty: float) -> BinaryRegressions:
    """Fit one regression per column of ``y``.

    Args:
        x: (n, D) standardised rows.
        y: (n, K) zeros and ones; both in every column.
        inverse_penalty: scikit-learn's C.
    """
    from scipy.optimize import minimize

    rows, targets = torch.from_numpy(x), torch.from_numpy(np.ascontiguousarray(y, dtype=np.float32))
    (n, d), k = x.shape, y.shape[1]
    penalty = 1.0 / (inverse_penalty * n)
    eigenvalues, basis = torch.linalg.eigh((rows.T @ rows).double() / n)
    bound = eigenvalues.clamp(min=SMALLEST_CURVATURE * float(eigenvalues.mean())) / 4 + penalty
    to_weights = basis / bound.sqrt()  # (D, D): w = to_weights u

    def objective(unknowns: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        u = torch.from_numpy(unknowns).view(d + 1, k)
        w = to_weights @ u[:-1]  # (D, K)
        logits = torch.addmm(u[-1].float() * 2, rows, w.float())  # (n, K); a bias's curvature is at most 1/4
        loss = torch.nn.functional.softplus(logits).sub_(targets * logits).sum(dtype=torch.float64) / n
        residual = torch.sigmoid(logits).sub_(targets)
        by_weight = (rows.T @ residual).double() / n + penalty * w
        by_bias = 2 * residual.sum(0, dtype=torch.float64) / n
        gradient = torch.cat([to_weights.T @ by_weight, by_bias[None]])
        return float(loss + penalty / 2 * w.square().sum()), gradient.numpy().ravel()

    options = {"maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS, "gtol": GRADIENT_TOLERANCE, "ftol": 1e-10}
    found = minimize(objective, np.zeros((d + 1) * k), jac=True, method="L-BFGS-B", options=options)
    u = torch.from_numpy(found.x).view(d + 1, k)
    converged = bool(found.success) or float(np.abs(found.jac).max()) < CONVERGED_GRADIENT
    return BinaryRegressions((to_weights @ u[:-1]).float(), 2 * u[-1].float(), int(found.nit), converged)
