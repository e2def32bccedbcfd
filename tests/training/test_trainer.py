"""A step of training: the adversaries, the loss, and the precision."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.attacks import pgd
from featsplit.data.images import ImageData
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine
from featsplit.training import Adversary, Recipe, Trainer, train, trainer
from tests.training.networks import SHORT, fresh, weights


def test_one_step_is_torchs_own(digits: ImageData) -> None:
    """One full batch, against torch's SGD written out: momentum 0.9 does not show in the first step."""
    model, data = fresh(digits), ImageData("d", digits.classes, digits.train.take(torch.arange(40)), digits.test)
    plain = fresh(digits)
    recipe = Recipe(epochs=1, batch_size=40, lr=0.2, schedule="constant", weight_decay=0.01)
    train(model, data, recipe, machine=Machine(precision="float32"))
    plain.normalise_by(data.train.inputs())
    plain.train()
    torch.autograd.backward(F.cross_entropy(plain(data.train.inputs()), data.train.labels))
    with torch.no_grad():
        for parameter in plain.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.2 * (parameter.grad + 0.01 * parameter))
    for ours, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("alpha", [None, 0.0, 0.5])
def test_label_smoothing_is_torchs_and_not_the_adversarys(digits: ImageData, alpha: float | None) -> None:
    """The loss, on images that are attacked as without smoothing, is CrossEntropyLoss's with smoothing."""
    adversary = None if alpha is None else Adversary("pgd", "linf", eps=0.1, steps=3, alpha=alpha)
    inputs, labels = digits.train.inputs(slice(20)), digits.train.labels[:20]
    recipes, exact = (
        [replace(SHORT, adversary=adversary, label_smoothing=s) for s in (0.0, 0.3)],
        Machine("cpu", "float32"),
    )
    made = [Trainer(fresh(digits), recipe, exact) for recipe in recipes]
    moved = inputs if alpha is None else made[0].attacked(inputs, labels)
    for one in made:
        one.model.train()
    smooth = nn.CrossEntropyLoss(label_smoothing=0.3)
    found, _ = made[1].loss(inputs, labels)
    plain = made[0].model
    expected = (1 - (alpha or 0)) * smooth(plain(moved), labels)
    expected = expected + (alpha * smooth(plain(inputs), labels) if alpha else 0)
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found, made[0].loss(inputs, labels)[0], atol=1e-2)


def attacks_of(monkeypatch: pytest.MonkeyPatch, digits: ImageData, adversary: Adversary) -> list[dict[str, Any]]:
    """What `pgd` was asked in one epoch of adversarial training, and the mode of the network at that time."""
    seen: list[dict[str, Any]] = []

    def watched(model: Classifier, inputs: Tensor, labels: Tensor, **options: Any) -> Tensor:
        seen.append({**options, "training": model.training})
        return pgd(model, inputs, labels, **options)

    monkeypatch.setattr(trainer, "pgd", watched)
    train(fresh(digits), digits, replace(SHORT, epochs=1, adversary=adversary))
    return seen


def test_pgd_attacks_in_eval_mode_with_the_steps_asked_for(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = attacks_of(monkeypatch, digits, Adversary("pgd", "linf", eps=0.1, steps=5, step_size=0.03))
    assert len(seen) == 12
    for call in seen:
        assert (call["norm"], call["eps"], call["steps"], call["step_size"]) == ("linf", 0.1, 5, 0.03)
        assert call["offsets"] is None
        assert not call["training"]


def test_wongs_fgsm_steps_1_25_eps_from_a_random_point(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = attacks_of(monkeypatch, digits, Adversary("fgsm", "linf", eps=0.2, random_start=True))
    assert (seen[0]["steps"], seen[0]["step_size"]) == (1, pytest.approx(0.25))
    offsets = torch.cat([call["offsets"] for call in seen])
    assert 0.19 < float(offsets.abs().max()) <= 0.2
    assert abs(float(offsets.mean())) < 0.01


@pytest.mark.parametrize(
    ("adversary", "alpha"),
    [
        (Adversary("fgsm"), 0.5),
        (Adversary("fgsm", random_start=True), 0.0),
        (Adversary("pgd"), 0.0),
        (Adversary("fgsm", alpha=0.3), 0.3),
    ],
)
def test_goodfellows_mix(digits: ImageData, adversary: Adversary, alpha: float) -> None:
    """The loss is alpha J(x) + (1 - alpha) J(x'), each in training mode."""
    model = fresh(digits).train()
    inputs, labels = digits.train.inputs(slice(0, 30)), digits.train.labels[:30]
    work = Trainer(model, replace(SHORT, adversary=adversary), Machine(precision="float32"))
    attacked = work.attacked(inputs, labels)
    loss, logits = work.loss(inputs, labels)
    expected = alpha * F.cross_entropy(model(inputs), labels) + (1 - alpha) * F.cross_entropy(model(attacked), labels)
    assert adversary.clean_weight == alpha
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    assert torch.allclose(logits, model(attacked), atol=1e-5)


def attacked_plainly(model: Classifier, inputs: Tensor, labels: Tensor, offsets: Tensor) -> Tensor:
    """Three l2 steps of 0.25 in the ball of 0.6 around `inputs`, written out, with the network in eval mode."""

    def onto(point: Tensor) -> Tensor:
        return (inputs + (point - inputs).renorm(2, 0, 0.6)).clamp(0, 1)

    model.eval()
    point = onto(inputs + offsets)
    for _ in range(3):
        point.requires_grad_(True)
        (slope,) = torch.autograd.grad(F.cross_entropy(model(point), labels, reduction="sum"), point)
        point = onto(point.detach() + 0.25 * slope / slope.flatten(1).norm(dim=1)[:, None, None, None])
    model.train()
    return point


def test_adversarial_steps_are_those_of_plain_torch(digits: ImageData) -> None:
    """Three steps: from the second on, weights and statistics have changed, and the attack must know."""
    model, plain = fresh(digits).train(), fresh(digits).train()
    adversary = Adversary("pgd", "l2", eps=0.6, steps=3, step_size=0.25, random_start=True)
    recipe = Recipe(lr=0.2, weight_decay=0.01, adversary=adversary)
    work = Trainer(model, recipe, Machine(precision="float32"))
    optimiser = torch.optim.SGD(plain.parameters(), lr=0.2, momentum=0.9, weight_decay=0.01)
    for step in range(3):
        rows = torch.arange(40 * step, 40 * step + 40)
        inputs, labels = digits.train.inputs(rows), digits.train.labels[rows]
        offsets = adversary.threat.random_offsets(rows, digits.shape, seed=0, stage="t")
        point = attacked_plainly(plain, inputs, labels, offsets)
        loss, logits = work.step(inputs, labels, offsets)
        expected = plain(point)
        descent = F.cross_entropy(expected, labels)
        optimiser.zero_grad()
        torch.autograd.backward(descent)
        optimiser.step()
        assert float(loss) == pytest.approx(float(descent.detach()), abs=1e-4)
        torch.testing.assert_close(logits, expected.detach(), rtol=0, atol=1e-3)
        torch.testing.assert_close(weights(model), weights(plain), rtol=0, atol=1e-3)
    assert (weights(model) - weights(fresh(digits))).abs().max() > 0.05


ADVERSARIES = pytest.mark.parametrize("adversary", [None, Adversary(eps=0.5, steps=2)], ids=["std", "pgd"])


@ADVERSARIES
def test_bfloat16_is_in_the_layers_alone(digits: ImageData, adversary: Adversary | None) -> None:
    """Weights, statistics, momentum, loss and logits are float32; each layer of the model and its adversary is not."""
    model = fresh(digits).train()
    work = Trainer(model, replace(SHORT, adversary=adversary), Machine(precision="bfloat16"))
    kinds: list[tuple[bool, torch.dtype]] = []
    for network in filter(None, (model, work.network)):
        for layer in network.body.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(
                    lambda layer, _, result: (
                        kinds.append((layer.weight.requires_grad, result.dtype)) if len(result) == 40 else None
                    )  # not the two images by which the adversary's copy is checked
                )
    loss, logits = work.step(digits.train.inputs(slice(0, 40)), digits.train.labels[:40])
    states = [state["momentum_buffer"] for state in work.optimiser.state.values()]
    assert len(states) == len(list(model.parameters()))
    tensors = [loss, logits, *model.parameters(), *states, *(b for b in model.buffers() if b.is_floating_point())]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    expected = [(True, torch.bfloat16)] * 3
    assert kinds == (expected if adversary is None else [(False, torch.bfloat16)] * 6 + expected)


@ADVERSARIES
def test_bfloat16_learns_as_float32_does(digits: ImageData, adversary: Adversary | None) -> None:
    found = {}
    for precision in ("float32", "bfloat16"):
        model = fresh(digits)
        history = train(
            model, digits, replace(SHORT, epochs=5, adversary=adversary), machine=Machine(precision=precision)
        )
        found[precision] = history[-1]["test_accuracy"]
        kept = weights(model)
        assert not torch.equal(kept, kept.bfloat16().float()), "weights are not rounded"
    assert found["float32"] > 0.8
    assert abs(found["bfloat16"] - found["float32"]) < 0.05
