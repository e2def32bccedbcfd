"""Training: the schedules, the adversaries, the last epoch kept, and interruption without a trace."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featsplit.attacks import pgd
from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import mapped
from featsplit.errors import FeatsplitError
from featsplit.geometry import random_offsets
from featsplit.models.build import build
from featsplit.models.classifier import Classifier
from featsplit.runtime import accuracy
from featsplit.training import Adversary, Recipe, Trainer, loop, train, trainer

SHORT = Recipe(epochs=3, batch_size=50, lr=0.1, schedule="one-cycle")


def fresh(data: ImageData) -> Classifier:
    return build("cnn", shape=data.shape, classes=len(data.classes), seed=5)


def weights(model: Classifier) -> Tensor:
    return torch.cat([tensor.detach().flatten().float() for tensor in model.state_dict().values()])


def test_training_learns_and_the_history_tells(digits: ImageData) -> None:
    model = fresh(digits)
    history = train(model, digits, replace(SHORT, epochs=6))
    assert len(history) == 6
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert history[-1]["test_accuracy"] == pytest.approx(accuracy(model, digits.test))
    assert history[-1]["test_accuracy"] > 0.8
    assert not model.training


def test_one_step_is_torchs_own(digits: ImageData) -> None:
    """One full batch, against torch's SGD written out: momentum 0.9 does not show in the first step."""
    model, data = fresh(digits), ImageData("d", digits.classes, digits.train.take(torch.arange(40)), digits.test)
    plain = fresh(digits)
    recipe = Recipe(epochs=1, batch_size=40, lr=0.2, schedule="constant", weight_decay=0.01)
    train(model, data, recipe, precision="float32")
    plain.normalise_by(data.train.inputs())
    plain.train()
    F.cross_entropy(plain(data.train.inputs()), data.train.labels).backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in plain.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.2 * (parameter.grad + 0.01 * parameter))
    for ours, expected in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(lr=1.0, schedule="step", drop_every=50), {0: 1, 49.9: 1, 50: 0.1, 149: 0.01}),
        (Recipe(lr=1.0, schedule="one-cycle", epochs=40), {0: 0, 5: 0.5, 10: 1, 25: 0.5, 40: 0}),
        (Recipe(lr=0.3, schedule="constant"), {0: 0.3, 149: 0.3}),
    ],
    ids=["step", "one-cycle", "constant"],
)
def test_the_rate_follows_its_schedule(recipe: Recipe, expected: dict[float, float]) -> None:
    assert {epoch: recipe.rate(epoch) for epoch in expected} == pytest.approx(expected)


@pytest.mark.parametrize("adversary", [None, Adversary("pgd", eps=0.3, steps=2, random_start=True)], ids=["std", "pgd"])
def test_interrupted_training_ends_as_if_it_had_not_been(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adversary: Adversary | None
) -> None:
    recipe = replace(SHORT, adversary=adversary, augment=("shift",))
    whole, cut, state = fresh(digits), fresh(digits), tmp_path / "state"
    train(whole, digits, recipe, seed=2)
    epoch = loop._epoch

    def dies(*arguments: Any, **options: Any) -> tuple[float, float]:
        if options["epoch"] == 2:
            raise KeyboardInterrupt
        return epoch(*arguments, **options)

    monkeypatch.setattr(loop, "_epoch", dies)
    with pytest.raises(KeyboardInterrupt):
        train(cut, digits, recipe, seed=2, resume=state)
    done = []

    def counts(*arguments: Any, **options: Any) -> tuple[float, float]:
        done.append(options["epoch"])
        return epoch(*arguments, **options)

    monkeypatch.setattr(loop, "_epoch", counts)
    again = fresh(digits)
    history = train(again, digits, recipe, seed=2, resume=state)
    assert done == [2]
    assert len(history) == 3
    assert torch.equal(weights(again), weights(whole))


def test_a_mapped_set_trains_as_one_in_memory(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(rows: slice) -> Any:
        return digits.train.images[rows].numpy()

    images = mapped(tmp_path / "a", tuple(digits.train.images.shape), "|u1", read, title="", cure="")
    data = replace(digits, train=Split(images, digits.train.labels))
    usual, same, pieced = fresh(digits), fresh(digits), fresh(digits)
    train(usual, digits, SHORT)
    train(same, data, SHORT)
    assert torch.equal(weights(same), weights(usual))
    monkeypatch.setattr(loop, "AT_ONCE", digits.train.images.numel() - 1)
    train(pieced, data, replace(SHORT, epochs=1))
    for name in ("mean", "std"):
        torch.testing.assert_close(getattr(pieced, name), getattr(usual, name), rtol=1e-6, atol=0)


def test_the_normalisation_is_that_of_all_images_at_once(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit where they fit in memory; a model's digest hangs on it."""
    model, plain = fresh(digits), fresh(digits)
    monkeypatch.setattr(loop, "AT_ONCE", digits.train.images.numel())
    train(model, digits, replace(SHORT, epochs=1))
    plain.normalise_by(digits.train.inputs())
    assert torch.equal(model.mean, plain.mean)
    assert torch.equal(model.std, plain.std)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_that_do_not_fit_on_a_gpu_are_moved_by_the_batch(
    digits: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, moved = fresh(digits), fresh(digits)
    recipe = replace(SHORT, augment=("shift",))
    train(resident, digits, recipe, device="cuda", precision="float32")
    monkeypatch.setattr(loop, "placed", lambda tensor, device: tensor)
    train(moved, digits, recipe, device="cuda", precision="float32")
    torch.testing.assert_close(weights(moved), weights(resident), rtol=1e-3, atol=1e-4)


def test_each_epoch_has_an_order_of_its_own(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def watched(inputs: Tensor, names: tuple[str, ...], *, generator: torch.Generator) -> Tensor:
        seen.append(inputs)
        return inputs

    monkeypatch.setattr(loop, "augment", watched)
    train(fresh(digits), digits, replace(SHORT, epochs=2))
    first, second = torch.cat(seen[:12]), torch.cat(seen[12:])
    assert not torch.equal(first, second)
    assert torch.equal(first.flatten(1).sum(1).sort().values, second.flatten(1).sum(1).sort().values)


@pytest.mark.parametrize("change", ["seed", "recipe", "damage", "network"])
def test_the_state_of_other_work_is_not_taken_up(digits: ImageData, tmp_path: Path, change: str) -> None:
    state, recipe = tmp_path / "state", SHORT
    train(fresh(digits), digits, SHORT, seed=2, resume=state)
    if change == "recipe":
        recipe = replace(SHORT, lr=0.05)
    if change == "damage":
        state.write_bytes(state.read_bytes()[:1000])
    seed = 3 if change == "seed" else 2
    arch = "linear" if change == "network" else "cnn"
    model, expected = (build(arch, shape=digits.shape, classes=10, seed=5) for _ in range(2))
    train(model, digits, recipe, seed=seed, resume=state)
    train(expected, digits, recipe, seed=seed)
    assert torch.equal(weights(model), weights(expected))


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
    work = Trainer(model, replace(SHORT, adversary=adversary), precision="float32")
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
    work = Trainer(model, recipe, precision="float32")
    optimiser = torch.optim.SGD(plain.parameters(), lr=0.2, momentum=0.9, weight_decay=0.01)
    for step in range(3):
        rows = torch.arange(40 * step, 40 * step + 40)
        inputs, labels = digits.train.inputs(rows), digits.train.labels[rows]
        offsets = random_offsets(rows, digits.shape, norm="l2", eps=0.6, seed=0, stage="t")
        point = attacked_plainly(plain, inputs, labels, offsets)
        loss, logits = work.step(inputs, labels, offsets)
        expected = plain(point)
        descent = F.cross_entropy(expected, labels)
        optimiser.zero_grad()
        descent.backward()  # type: ignore[no-untyped-call]
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
    work = Trainer(model, replace(SHORT, adversary=adversary), precision="bfloat16")
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
        history = train(model, digits, replace(SHORT, epochs=5, adversary=adversary), precision=precision)
        found[precision] = history[-1]["test_accuracy"]
        kept = weights(model)
        assert not torch.equal(kept, kept.bfloat16().float()), "weights are not rounded"
    assert found["float32"] > 0.8
    assert abs(found["bfloat16"] - found["float32"]) < 0.05


def test_the_state_of_another_precision_is_not_taken_up(digits: ImageData, tmp_path: Path) -> None:
    model, expected = fresh(digits), fresh(digits)
    train(fresh(digits), digits, SHORT, precision="bfloat16", resume=tmp_path / "state")
    train(model, digits, SHORT, precision="float32", resume=tmp_path / "state")
    train(expected, digits, SHORT, precision="float32")
    assert torch.equal(weights(model), weights(expected))


def test_adversarial_training_makes_robust(digits: ImageData, standard: Classifier, robust: Classifier) -> None:
    from featsplit.evaluation import Attack, evaluate

    attack = [Attack("pgd", "l2", 0.5, steps=10)]
    plain, hardened = (evaluate(model, digits.test, attack)[0]["accuracy"] for model in (standard, robust))
    assert hardened > plain + 0.1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, r"train\.epochs = 0: must be at least 1"),
        ({"lr": 0.0}, r"train\.lr = 0: must be greater than 0"),
        ({"momentum": 1.0}, r"train\.momentum = 1: must be in \[0, 1\)"),
        ({"weight_decay": -1.0}, r"train\.weight_decay = -1: must be at least 0"),
        ({"schedule": "one-cycel"}, r'train\.schedule = "one-cycel": .* did you mean "one-cycle"'),
        ({"augment": ("flop",)}, r'"flop".*did you mean "flip"'),
        ({"adversary": Adversary("pdg")}, r'train\.adversary\.attack = "pdg": .* did you mean "pgd"'),  # type: ignore[arg-type]
        ({"adversary": Adversary(norm="linf", eps=8)}, r"train\.adversary\.eps = 8: .* 8/255 is 0\.0314"),
        ({"adversary": Adversary(steps=0)}, r"train\.adversary\.steps = 0"),
        ({"adversary": Adversary(alpha=2)}, r"train\.adversary\.alpha = 2: must be in \[0, 1\]"),
        ({"adversary": Adversary(step_size=0)}, r"train\.adversary\.step_size = 0: must be greater"),
    ],
)
def test_a_recipe_out_of_range_is_named(digits: ImageData, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        train(fresh(digits), digits, replace(SHORT, **wrong))


def test_a_loss_without_bounds_is_said(digits: ImageData) -> None:
    with pytest.raises(FeatsplitError, match=r"train\.lr = 1e\+20: the loss is (nan|inf) in epoch 1; lower the rate"):
        train(fresh(digits), digits, replace(SHORT, lr=1e20, schedule="constant"))
