"""A small Gaussian process: Matern 5/2 with a length per input, after Rasmussen and Williams (MIT Press 2006).

``k(x, x') = s^2 (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r)``, ``r^2 = sum ((x - x') / length)^2`` (eq. 4.17), a constant
mean, and noise. Lengths, s and noise maximise the marginal likelihood (eq. 5.8 with its gradient, 5.9), with weak
priors that keep a handful of observations from choosing extremes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

Floats = NDArray[np.float64]
_ROOT5 = 5**0.5
#: priors of log length, log s, log noise: mean and standard deviation, inputs being in 0..1 and outputs scaled to 1.
#: Assumed: lengths of the size of the range; noise a twentieth of the spread.
_LENGTH, _SCALE, _NOISE = (0.0, 1.0), (0.0, 1.0), (-3.0, 1.5)
_JITTER = 1e-9


class GaussianProcess:
    """Fitted to (x, y); deterministic.

    Args:
        width: columns of x.
    """

    def __init__(self, width: int) -> None:
        self._prior = np.array([_LENGTH] * width + [_SCALE, _NOISE])
        self.parameters: Floats = self._prior[:, 0].copy()

    def fit(self, x: Floats, y: Floats, error: Floats, *, rounds: int = 30) -> None:
        """Choose the parameters, starting from the last ones.

        Args:
            x: (n, width). y: (n,). error: (n,) standard errors of y that are known. rounds: of L-BFGS, at most.
        """
        self.condition(x, y, error)  # sets the scale
        bounds = [(mean - 4 * sd, mean + 4 * sd) for mean, sd in self._prior]
        found = minimize(
            self._negative, self.parameters, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": rounds}
        )
        self.parameters = found.x
        self.condition(x, y, error)

    def condition(self, x: Floats, y: Floats, error: Floats) -> None:
        """Take observations in, with the parameters as they are."""
        self._mean = float(y.mean())
        self._unit = float(y.std()) or 1.0
        self._x, self._y, self._known = x, (y - self._mean) / self._unit, (error / self._unit) ** 2
        _, kernel = self._kernel(self._x, self._x)
        self._factor = cho_factor(kernel + np.diag(self._noise()), lower=True)
        self._weights = cho_solve(self._factor, self._y)

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the function at (m, width)."""
        _, kernel = self._kernel(x, self._x)
        half = solve_triangular(self._factor[0], kernel.T, lower=True, check_finite=False)
        variance = np.exp(2 * self.parameters[-2]) - (half * half).sum(axis=0)
        return self._mean + self._unit * (kernel @ self._weights), self._unit * np.sqrt(np.maximum(variance, 0.0))

    def _noise(self) -> Floats:
        noise: Floats = np.exp(2 * self.parameters[-1]) + self._known + _JITTER
        return noise

    def _kernel(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """``sqrt(5) r`` and k, (len(a), len(b))."""
        lengths = np.exp(self.parameters[:-2])
        a, b = a / lengths, b / lengths
        square = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
        root = _ROOT5 * np.sqrt(np.maximum(square, 0.0))
        return root, np.exp(2 * self.parameters[-2] - root) * (1 + root + root * root / 3)

    def _negative(self, parameters: Floats) -> tuple[float, Floats]:
        """Negative log posterior density of the parameters, and its gradient."""
        self.parameters = parameters
        root, kernel = self._kernel(self._x, self._x)
        try:
            factor = cho_factor(kernel + np.diag(self._noise()), lower=True)
        except np.linalg.LinAlgError:
            return 1e25, np.zeros_like(parameters)
        weights = cho_solve(factor, self._y)
        off = (parameters - self._prior[:, 0]) / self._prior[:, 1]
        value = 0.5 * self._y @ weights + np.log(np.diag(factor[0])).sum() + 0.5 * off @ off
        inner = cho_solve(factor, np.eye(len(self._y))) - np.outer(weights, weights)  # 2 d value / d K
        slope = inner * np.exp(2 * parameters[-2] - root) * (1 + root) * (5 / 3)
        gradient = np.empty_like(parameters)
        for i, length in enumerate(np.exp(parameters[:-2])):
            step = (self._x[:, i, None] - self._x[:, i]) / length
            gradient[i] = 0.5 * (slope * step * step).sum()
        gradient[-2] = (inner * kernel).sum()
        gradient[-1] = np.trace(inner) * np.exp(2 * parameters[-1])
        return float(value), gradient + off / self._prior[:, 1]
