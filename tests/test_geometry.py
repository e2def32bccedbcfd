"""l2 and linf against numpy, and the laws of a projection, a unit step and a uniform point of a ball."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from featsplit.errors import FeatsplitError
from featsplit.geometry import NORMS, Norm, Threat, box, direction, lengths

SHAPE = (2, 3, 4)
norms = pytest.mark.parametrize("norm", NORMS)
scales = st.sampled_from([1e-3, 0.1, 1.0, 50.0])
radii = st.floats(1e-4, 20)
seeds = st.integers(0, 10_000)
laws = settings(max_examples=40, deadline=None)


def noise(seed: int, *, n: int = 5, scale: float = 1.0) -> Tensor:
    return scale * torch.randn((n, *SHAPE), generator=torch.Generator().manual_seed(seed))


def numpy_lengths(delta: Tensor, norm: Norm) -> NDArray[np.float64]:
    flat = delta.double().numpy().reshape(len(delta), -1)
    result: NDArray[np.float64] = np.linalg.norm(flat, ord=2 if norm == "l2" else np.inf, axis=1)
    return result


@norms
@laws
@given(seed=seeds, scale=scales)
def test_lengths_are_those_of_numpy(norm: Norm, seed: int, scale: float) -> None:
    delta = noise(seed, scale=scale)
    np.testing.assert_allclose(lengths(delta, norm).numpy(), numpy_lengths(delta, norm), rtol=1e-5)


@norms
@laws
@given(seed=seeds, scale=scales, eps=radii)
def test_projection_is_that_of_numpy(norm: Norm, seed: int, scale: float, eps: float) -> None:
    delta = noise(seed, scale=scale)
    exact = delta.double().numpy()
    if norm == "l2":
        expected = exact * np.minimum(1, eps / numpy_lengths(delta, norm)).reshape(-1, 1, 1, 1)
    else:
        expected = np.clip(exact, -eps, eps)
    np.testing.assert_allclose(Threat(norm, eps).project(delta).numpy(), expected, rtol=1e-5, atol=1e-7)


@norms
@laws
@given(seed=seeds, scale=scales, eps=radii)
def test_projection_is_idempotent_and_never_outside(norm: Norm, seed: int, scale: float, eps: float) -> None:
    once = Threat(norm, eps).project(noise(seed, scale=scale))
    assert (numpy_lengths(once, norm) <= eps * (1 + 1e-6)).all()
    torch.testing.assert_close(Threat(norm, eps).project(once), once, rtol=1e-6, atol=0)


@norms
@laws
@given(seed=seeds, steps=st.integers(1, 10_000), share=st.floats(0, 0.999))
def test_projection_leaves_what_is_inside_to_the_last_bit(norm: Norm, seed: int, steps: int, share: float) -> None:
    delta, eps = noise(seed), steps / 500
    inside = delta * (share * eps / torch.from_numpy(numpy_lengths(delta, norm)).float()).reshape(-1, 1, 1, 1)
    assert torch.equal(Threat(norm, eps).project(inside), inside)


@norms
@laws
@given(seed=seeds, eps=st.floats(0.01, 3))
def test_projection_is_the_nearest_point(norm: Norm, seed: int, eps: float) -> None:
    delta = noise(seed, n=1)
    found = lengths(delta - Threat(norm, eps).project(delta), "l2")
    others = delta + noise(seed + 1, n=64, scale=0.1)
    others = others / torch.from_numpy(np.maximum(numpy_lengths(others, norm) / eps, 1)).reshape(-1, 1, 1, 1)
    assert (lengths(others - delta, "l2") >= found - 1e-5).all(), "others of the ball are no nearer"


@norms
def test_a_ball_without_radius_is_its_centre(norm: Norm) -> None:
    assert torch.equal(Threat(norm, 0.0).project(noise(0)), torch.zeros(5, *SHAPE))


@norms
def test_ball_projects_around_its_origin_and_then_into_the_box(norm: Norm) -> None:
    origin = torch.rand((5, *SHAPE), generator=torch.Generator().manual_seed(0))
    inputs = origin + noise(1)
    expected = (origin.numpy() + Threat(norm, 0.7).project(inputs - origin).numpy()).clip(0, 1)
    np.testing.assert_allclose(
        Threat(norm, 0.7).ball(origin)(inputs, torch.arange(len(inputs))).numpy(), expected, atol=1e-7
    )
    assert (expected == 0).any(), "the box was felt"


def test_box_clips() -> None:
    assert torch.equal(box(torch.tensor([[-0.5, 0.25, 1.5]]), torch.arange(1)), torch.tensor([[0.0, 0.25, 1.0]]))


@laws
@given(seed=seeds, scale=st.sampled_from([1e-36, 1e-30, 1e-10, 1.0, 1e10, 1e30, 1e37]))
def test_a_gradient_of_any_size_gives_a_unit_step(seed: int, scale: float) -> None:
    gradient = noise(seed, scale=scale)
    exact = gradient.double().numpy()
    expected = exact / numpy_lengths(gradient, "l2").reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(direction(gradient, "l2").numpy(), expected, atol=1e-5)
    np.testing.assert_array_equal(direction(gradient, "linf").numpy(), np.sign(exact))


@norms
def test_a_zero_gradient_gives_no_step_and_spares_its_neighbours(norm: Norm) -> None:
    gradient = noise(0)
    alone = direction(gradient, norm)
    gradient[2] = 0
    found = direction(gradient, norm)
    assert torch.equal(found[2], torch.zeros(SHAPE))
    rest = [0, 1, 3, 4]
    assert torch.equal(found[rest], alone[rest])


@laws
@given(seed=seeds)
def test_no_unit_step_climbs_more(seed: int) -> None:
    gradient, others = noise(seed, n=1), noise(seed + 1, n=64)
    for norm in NORMS:
        units = others / lengths(others, norm).reshape(-1, 1, 1, 1)
        assert ((units * gradient).sum((1, 2, 3)) <= (direction(gradient, norm) * gradient).sum() + 1e-4).all()


def offsets(norm: Norm, *, n: int, shape: tuple[int, int, int] = (1, 2, 2)) -> Tensor:
    return Threat(norm, 0.5).random_offsets(range(n), shape, seed=0, stage="test")


def test_random_offsets_are_uniform_in_the_l2_ball() -> None:
    stats = pytest.importorskip("scipy.stats")
    points = offsets("l2", n=2000).double()
    radial = (lengths(points, "l2") / 0.5) ** 4
    assert radial.max() <= 1 + 1e-6
    assert stats.kstest(radial.numpy(), "uniform").pvalue > 1e-3
    assert points.mean(dim=0).abs().max() < 0.02, "no side is preferred"


def test_random_offsets_are_uniform_in_the_linf_ball() -> None:
    stats = pytest.importorskip("scipy.stats")
    points = offsets("linf", n=1000).double().flatten(1)
    assert points.abs().max() <= 0.5
    assert stats.kstest(points.flatten().numpy() + 0.5, "uniform").pvalue > 1e-3
    assert (torch.corrcoef(points.T) - torch.eye(4)).abs().max() < 0.13


@norms
def test_random_offsets_do_not_feel_the_batch(norm: Norm) -> None:
    some = Threat(norm, 0.5).random_offsets([9, 4], SHAPE, seed=0, stage="test")
    assert torch.equal(some, offsets(norm, n=10, shape=SHAPE)[[9, 4]])


@pytest.mark.parametrize(
    ("norm", "eps", "message"),
    [
        ("linf", 8, 'attack.eps = 8: must be at most 1 for norm "linf" (pixels are in [0, 1]); 8/255 is 0.0314'),
        ("linf", 300, 'attack.eps = 300: must be at most 1 for norm "linf" (pixels are in [0, 1])'),
        ("l2", -0.5, "attack.eps = -0.5: must be a number of at least 0"),
        ("l2", float("nan"), "attack.eps = nan: must be a number of at least 0"),
        ("linf", float("inf"), "attack.eps = inf: must be a number of at least 0"),
        ("linv", 0.1, 'attack.norm = "linv": must be one of l2, linf; did you mean "linf"?'),
        ("manhattan", 0.1, 'attack.norm = "manhattan": must be one of l2, linf'),
    ],
)
def test_a_threat_that_cannot_be_is_refused(norm: Norm, eps: float, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        Threat(norm, eps).check("attack")
    assert str(caught.value) == message


@pytest.mark.parametrize(("norm", "eps"), [("l2", 0), ("l2", 8), ("linf", 1), ("linf", 8 / 255)])
def test_a_threat_at_the_limits_is_allowed(norm: Norm, eps: float) -> None:
    Threat(norm, eps).check("attack")
