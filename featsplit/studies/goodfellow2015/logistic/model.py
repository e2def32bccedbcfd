r"""Logistic regression of two classes, y in {-1, 1}: f(x) = w.x + b, P(y | x) = 1 / (1 + exp(-y f(x))).

An adversary within eps in linf lowers the margin y f(x) by eps |w|_1 at most, by x - eps y sign(w). So the adversarial
loss is exactly softplus(eps |w|_1 - y f(x)). The paper prints softplus(y (eps |w|_1 - f(x))), which is that for y = 1
alone; for y = -1 it rewards large weights. It is the usual loss of the bias b - eps |w|_1: trained by it, the
classifier is the unregularised one with a bias that is eps |w|_1 too large.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Array = NDArray[np.float64]
Kind = Literal["plain", "adversarial", "l1", "l2", "as printed"]


class Arm(NamedTuple):
    """A way to train: its `kind`, and the `size` of what it adds: an eps, or the weight of a penalty."""

    kind: Kind
    size: float = 0.0

    @property
    def name(self) -> str:
        """As the rows and files call it."""
        return self.kind if self.kind == "plain" else f"{self.kind} {self.size:g}"


class Linear(NamedTuple):
    """The weights w (d,) and the bias b."""

    w: Array
    b: float


def margins(model: Linear, inputs: Array, signs: Array) -> Array:
    """y f(x), (n,), of `inputs` (n, d) and `signs` y (n,); above 0 where the prediction is right."""
    found: Array = signs * (inputs @ model.w + model.b)
    return found


def worst_margins(model: Linear, inputs: Array, signs: Array, eps: float) -> Array:
    """The least margins (n,) within `eps` in linf, with no bounds on the pixels: y f(x) - eps |w|_1."""
    return margins(model, inputs, signs) - eps * float(np.abs(model.w).sum())


def worst_inputs(model: Linear, inputs: Array, signs: Array, eps: float) -> Array:
    """The inputs (n, d) of least margin within `eps` in linf and in [0, 1]: each pixel goes as far as it may."""
    moved: Array = np.clip(inputs - eps * signs[:, None] * np.sign(model.w), 0.0, 1.0)
    return moved


def loss(model: Linear, inputs: Array, signs: Array, arm: Arm) -> float:
    """What `arm` minimises, in nats: the mean loss, and the penalty, which stands outside of the softplus."""
    length = float(np.abs(model.w).sum())
    gaps = -margins(model, inputs, signs)
    if arm.kind == "adversarial":
        gaps = gaps + arm.size * length
    if arm.kind == "as printed":
        gaps = gaps + signs * arm.size * length
    penalty = {"l1": length, "l2": float(model.w @ model.w)}.get(arm.kind, 0.0)
    return float(np.logaddexp(0.0, gaps).mean()) + arm.size * penalty


def pull(model: Linear, inputs: Array, signs: Array, arm: Arm) -> float:
    """How strongly `arm` pulls at |w|_1, the derivative of its loss by that alone.

    L1 decay pulls always alike; adversarial training by eps times the mean probability of an error under attack, which
    goes to 0 where the margins grow.
    """
    if arm.kind == "adversarial":
        return arm.size * float(expit(-worst_margins(model, inputs, signs, arm.size)).mean())
    return arm.size if arm.kind == "l1" else 0.0


def fit(inputs: Array, signs: Array, arm: Arm, *, iterations: int) -> Linear:
    """The minimiser of `loss` by at most `iterations` of L-BFGS-B from 0, (d,) and a bias; nothing is random.

    With w = u - v, both at least 0, |w|_1 is the sum of u and v at the minimum: so every loss here is smooth and convex
    in (u, v, b), and the corners of |w|_1 are bounds. The printed loss has its minimiser in closed form (see above).
    """
    if arm.kind == "as printed":
        plain = fit(inputs, signs, Arm("plain"), iterations=iterations)
        return plain._replace(b=plain.b + arm.size * float(np.abs(plain.w).sum()))
    count, width = inputs.shape
    eps, l1, l2 = (arm.size if arm.kind == kind else 0.0 for kind in ("adversarial", "l1", "l2"))

    def objective(point: Array) -> tuple[float, Array]:
        w, length = point[:width] - point[width:-1], float(point[:-1].sum())
        least = margins(Linear(w, float(point[-1])), inputs, signs) - eps * length
        value = float(np.logaddexp(0.0, -least).mean()) + l1 * length + l2 * float(w @ w)
        slopes = -expit(-least) / count
        by_w, by_length = (slopes * signs) @ inputs + 2 * l2 * w, l1 - eps * float(slopes.sum())
        return value, np.concatenate([by_length + by_w, by_length - by_w, [float(slopes @ signs)]])

    bounds = [(0.0, None)] * (2 * width) + [(None, None)]
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 1e-12, "gtol": 1e-8}
    found = minimize(objective, np.zeros(2 * width + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Linear(found[:width] - found[width:-1], float(found[-1]))
