"""Momentum against its own equation in numpy."""

import numpy as np

from tests.descent.quadratics import descend, distance_to, free, rule, uniform


def test_momentum_is_the_heavy_ball_with_a_cosine_rate() -> None:
    centre, start = uniform(4, 6, seed=1), uniform(4, 6)
    found = descend(distance_to(centre), start, steps=6, rule=rule("momentum"), project=free)
    point, velocity = start.double().numpy(), np.zeros((4, 6))
    for step in range(6):
        gradient = point - centre.double().numpy()
        velocity = 0.9 * velocity + 0.1 * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
        point = point - 0.1 * 0.5 * (1 + np.cos(np.pi * step / 6)) * velocity
    np.testing.assert_allclose(found.numpy(), point, atol=1e-6)
