"""Training: the last epoch kept, and interruption without a trace."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from featsplit.attacks import pgd
from featsplit.data.images import ImageData, Split
from featsplit.data.mapped import mapped
from featsplit.data.selection import limit_split
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe, evaluate
from featsplit.models.build import ModelSpec, build
from featsplit.models.classifier import Classifier
from featsplit.runtime import Machine, accuracy
from featsplit.training import Adversary, Recipe, Trainer, ensure_trained, looks, loop, train
from tests.training.networks import SHORT, fresh, weights


def test_training_learns_and_the_history_tells(digits: ImageData) -> None:
    model = fresh(digits)
    history = train(model, digits, replace(SHORT, epochs=6))
    assert len(history) == 6
    assert history[-1]["loss"] < history[0]["loss"] / 2
    assert history[-1]["test_accuracy"] == pytest.approx(accuracy(model, digits.test))
    assert history[-1]["test_accuracy"] > 0.8
    assert not model.training


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


def test_accuracy_under_attack_is_measured_in_some_epochs_and_changes_nothing_else(
    digits: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe, recipe = Probe("l2", 0.4, images=50, steps=3), replace(SHORT, epochs=12)
    plain, probed, attacked = fresh(digits), fresh(digits), list[int]()
    before = train(plain, digits, recipe)

    def counts(network: Classifier, inputs: Tensor, labels: Tensor, **options: Any) -> Tensor:
        attacked.append(len(inputs))
        return pgd(network, inputs, labels, **options)

    monkeypatch.setattr(looks, "pgd", counts)
    history = train(probed, digits, recipe, probe=probe)
    assert torch.equal(weights(probed), weights(plain))
    looked = [epoch for epoch, seen in enumerate(history, start=1) if "attacked_accuracy" in seen]
    assert looked == [1, 2, 4, 6, 8, 10, 12]
    assert attacked == [50] * len(looked)
    assert [{name: seen[name] for name in old} for seen, old in zip(history, before, strict=True)] == before
    few = limit_split(digits.test, 50, classes=10, seed=0, place="probe.images")
    (row,) = evaluate(probed, few, [probe.attack()])
    assert history[-1]["attacked_accuracy"] == pytest.approx(row["accuracy"])
    assert 0.1 < row["accuracy"] < history[-1]["test_accuracy"]
    untested = replace(digits, test=digits.test.take(torch.arange(0)))
    assert all("attacked_accuracy" not in seen for seen in train(fresh(digits), untested, SHORT, probe=probe))
    least = replace(probe, images=2)
    attacked.clear()
    train(fresh(digits), digits, SHORT, probe=least)
    assert set(attacked) == {10}, "an image a class at least"


def test_what_was_measured_under_attack_is_kept_with_the_rest(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe, state, path = Probe("linf", 0.1, images=20, steps=2), tmp_path / "state", tmp_path / "a.safetensors"
    whole = train(fresh(digits), digits, SHORT, probe=probe)
    train(fresh(digits), digits, SHORT, resume=state, probe=probe)
    monkeypatch.setattr(loop, "_epoch", None)
    assert train(fresh(digits), digits, SHORT, resume=state, probe=probe) == whole
    with pytest.raises(TypeError):  # begun anew: what is there was measured otherwise
        train(fresh(digits), digits, SHORT, resume=state, probe=replace(probe, eps=0.2))
    monkeypatch.undo()
    spec = ModelSpec("cnn", width=4)
    first = ensure_trained(path, digits, spec, SHORT, seed=0, probe=probe)
    assert first.probe == {"norm": "linf", "eps": 0.1, "images": 20, "steps": 2}
    assert first.counts == {"train_accuracy": 600, "test_accuracy": 200, "attacked_accuracy": 20}
    untested = replace(digits, test=digits.test.take(torch.arange(0)))
    plain = ensure_trained(tmp_path / "b.safetensors", untested, spec, replace(SHORT, epochs=1), seed=0)
    assert (plain.probe, plain.counts) == (None, {"train_accuracy": 600})
    again = ensure_trained(path, digits, spec, SHORT, seed=0, probe=replace(probe, eps=0.2))
    assert again == first, "the network is the same: it is not trained again for its curve"


def test_a_network_that_has_learned_nothing_is_said(digits: ImageData, tmp_path: Path) -> None:
    """By a rate at which all units die; one that learned, or was stopped early but tests well, is not said."""
    for lr, name in ((1e-9, "constant"), (0.05, "learned")):
        recipe = replace(SHORT, lr=lr, epochs=2)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for _ in range(2):  # trained, and taken up
                ensure_trained(tmp_path / f"{name}.safetensors", digits, ModelSpec("cnn", width=4), recipe, seed=0)
        own = [str(one.message) for one in said if "has learned nothing" in str(one.message)]
        assert len(own) == (2 if name == "constant" else 0), own
        assert all("constant.safetensors: its accuracy is 0.1" in one for one in own)


def test_what_dropout_draws_is_decided_by_the_seed_alone(digits: ImageData) -> None:
    """The cw network has dropout; what the process drew before must not show, and training must not draw for others."""
    first, second, other = (build(ModelSpec("cw", width=4), shape=digits.shape, classes=10, seed=0) for _ in range(3))
    torch.rand(3)
    train(first, digits, SHORT, seed=2)
    torch.rand(7)
    state = torch.get_rng_state()
    train(second, digits, SHORT, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights(first), weights(second))
    train(other, digits, SHORT, seed=3)
    assert not torch.equal(weights(first), weights(other))


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
    train(resident, digits, recipe, machine=Machine("cuda", "float32"))
    monkeypatch.setattr(loop, "placed", lambda tensor, device: tensor)
    train(moved, digits, recipe, machine=Machine("cuda", "float32"))
    torch.testing.assert_close(weights(moved), weights(resident), rtol=1e-3, atol=1e-4)


def test_each_epoch_has_an_order_of_its_own(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def watched(inputs: Tensor, names: tuple[str, ...], **options: Any) -> Tensor:
        seen.append(inputs)
        return inputs

    monkeypatch.setattr(loop, "augment", watched)
    train(fresh(digits), digits, replace(SHORT, epochs=2))
    first, second = torch.cat(seen[:12]), torch.cat(seen[12:])
    assert not torch.equal(first, second)
    assert torch.equal(first.flatten(1).sum(1).sort().values, second.flatten(1).sum(1).sort().values)


@pytest.mark.parametrize("change", ["seed", "recipe", "damage", "byte", "network"])
def test_the_state_of_other_work_is_not_taken_up(digits: ImageData, tmp_path: Path, change: str) -> None:
    state, recipe = tmp_path / "state", SHORT
    train(fresh(digits), digits, SHORT, seed=2, resume=state)
    if change == "recipe":
        recipe = replace(SHORT, lr=0.05)
    if change == "damage":
        state.write_bytes(state.read_bytes()[:1000])
    if change == "byte":
        whole = bytearray(state.read_bytes())
        whole[8 + int.from_bytes(whole[:8], "little") + 2] ^= 64  # of the first weight
        state.write_bytes(whole)
    seed = 3 if change == "seed" else 2
    arch = "linear" if change == "network" else "cnn"
    model, expected = (build(arch, shape=digits.shape, classes=10, seed=5) for _ in range(2))
    train(model, digits, recipe, seed=seed, resume=state)
    train(expected, digits, recipe, seed=seed)
    assert torch.equal(weights(model), weights(expected))


def test_the_state_of_another_precision_is_not_taken_up(digits: ImageData, tmp_path: Path) -> None:
    model, expected = fresh(digits), fresh(digits)
    train(fresh(digits), digits, SHORT, resume=tmp_path / "state", machine=Machine(precision="bfloat16"))
    train(model, digits, SHORT, resume=tmp_path / "state", machine=Machine(precision="float32"))
    train(expected, digits, SHORT, machine=Machine(precision="float32"))
    assert torch.equal(weights(model), weights(expected))


def test_adversarial_training_makes_robust(digits: ImageData, standard: Classifier, robust: Classifier) -> None:
    from featsplit.evaluation import Attack, evaluate

    attack = [Attack("pgd", "l2", 0.5, steps=10)]
    plain, hardened = (evaluate(model, digits.test, attack)[0]["accuracy"] for model in (standard, robust))
    assert hardened > plain + 0.1


def test_a_loss_without_bounds_is_said(digits: ImageData) -> None:
    with pytest.raises(FeatsplitError, match=r"train\.lr = 1e\+20: the loss is (nan|inf) in epoch 1; lower the rate"):
        train(fresh(digits), digits, replace(SHORT, lr=1e20, schedule="constant"))


@pytest.mark.parametrize("augment", [("random-resized-crop", "flip"), ("flip",)])
def test_random_resized_crops_show_what_is_beside_the_images(
    augment: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Black images in a white margin: the margin is seen in crops alone, never in the normalisation or the test."""
    wide = torch.full((40, 1, 12, 12), 255, dtype=torch.uint8)
    wide[:, :, 2:10, 2:10] = 0
    train_split = Split(wide[:, :, 2:10, 2:10], torch.arange(40) % 2, wide)
    data = ImageData("margin", ("a", "b"), train_split, Split(train_split.images[:4], train_split.labels[:4]))
    seen, step = list[Tensor](), Trainer.step

    def watched(self: Trainer, inputs: Tensor, *arguments: Any, **options: Any) -> Any:
        seen.append(inputs)
        return step(self, inputs, *arguments, **options)

    monkeypatch.setattr(Trainer, "step", watched)
    model = build("mlp", shape=data.shape, classes=2, seed=0)
    train(model, data, Recipe(epochs=1, batch_size=10, lr=0.01, augment=augment))
    assert all(inputs.shape[1:] == (1, 8, 8) for inputs in seen)
    assert (torch.cat(seen).max() > 0.9) == (augment[0] != "flip")
    assert float(model.mean) == 0


def test_a_network_of_wide_images_is_another_than_one_of_the_same_images_alone(tmp_path: Path) -> None:
    wide = torch.randint(0, 256, (12, 1, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(wide[:, :, 2:10, 2:10], torch.arange(12) % 2, wide)
    data = ImageData("margin", ("a", "b"), split, split)
    bare = replace(data, train=replace(split, wide=None))
    assert data.digest == bare.digest
    for augment, alike in (("random-resized-crop", False), ("flip", True)):
        recipe = Recipe(epochs=1, batch_size=6, augment=(augment,))
        spec, out = ModelSpec("mlp", width=4), [tmp_path / f"{augment}{n}.safetensors" for n in range(2)]
        keys = [
            ensure_trained(path, one, spec, recipe, seed=0).key for path, one in zip(out, (data, bare), strict=True)
        ]
        assert (keys[0] == keys[1]) == alike
