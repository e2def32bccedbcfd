"""The settings of a run: whole recipes from short files, and each that cannot be refused by its place."""

import importlib.util
from pathlib import Path

import pytest

from featsplit.commands import options
from featsplit.engine.study import presets
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Probe
from featsplit.studies import read_settings
from featsplit.studies.ilyas2019.settings import EXPERIMENTS
from tests.rows import read

OWN = """
[data]
source = "digits"
[model]
arch = "mlp"
[train]
epochs = 4
[train.adversarial]
adversary = { eps = 0.5, steps = 2 }
[train.rand]
lr = 0.01
[match]
rule = { name = "lbfgs", step_size = 1.0 }
[perturb]
eps = 1.5
"""

WHY = "what is compared is robustness"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("none", ()),
        ("all", EXPERIMENTS),
        ("noise,control", ("noise", "control")),
        (" steps ", ("steps",)),
    ],
)
def test_experiments_on_the_command_line(given: str | None, expected: tuple[str, ...] | None) -> None:
    found = read("digits", *options.experiments(given, "digits")).experiments
    assert found == (read("digits").experiments if expected is None else expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["experiments=['noize']"], 'experiments = "noize": must be one of noise, splits, '),
        (["experiments=['noize']"], 'did you mean "noise"?'),
        (["scrutiny.images=0"], "scrutiny.images = 0: must be at least 1"),
        (["scrutiny.steps=0"], "scrutiny.steps = 0: must be at least 1"),
        (["scrutiny.relative_step_sizes=[]"], "scrutiny.relative_step_sizes: is empty; give parts of eps"),
        (["scrutiny.relative_step_sizes=[1.0, 0]"], "scrutiny.relative_step_sizes = 0: must be greater than 0"),
        (["experiments=['architectures']", "architectures=['vgg8']"], 'architectures.arch = "vgg8": must be one of'),
    ],
)  # fmt: skip
def test_an_experiment_that_cannot_be_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read("digits", *settings)
    assert message in str(caught.value)


def test_autoattack_that_is_not_installed_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyautoattack" else found(name))
    with pytest.raises(FeatsplitError) as caught:
        read("digits", "experiments=['autoattack']")
    assert str(caught.value) == ('experiments "autoattack": AutoAttack is not installed; pip install pyautoattack')
    read("digits", "experiments=['noise', 'steps']")


def test_settings_of_the_users_own_file_are_whole_recipes(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    settings = read(str(tmp_path / "own.toml"), "train.det.epochs=9", "match.rule.name=normalised")
    assert settings.name == "own"
    assert (settings.train.rand.lr, settings.train.det.lr) == (0.01, 0.1)
    assert (settings.train.rand.epochs, settings.train.det.epochs) == (4, 9)
    assert settings.match.rule.name == "normalised"
    assert settings.match.rule.step_size == 1.0


def test_notes_tell_of_a_short_schedule_and_of_augmentation() -> None:
    short = read("paper-cifar10", "train.rand.epochs=59", "train.rand.lr=0.025", "train.det.augment=[]").notes()
    assert len(short) == 1
    assert short[0].startswith("D_rand's schedule here, 59 epochs at a rate of 0.025, is too short")
    augmented = read("paper-cifar10", "train.rand.epochs=60", "train.det.augment=['flip']").notes()
    assert augmented == ["D_det is trained with augmentation here; the paper's is not."]
    assert read("paper-cifar10", "train.rand.epochs=60", "train.det.augment=[]").notes() == []


def test_the_smallest_eps_is_above_0() -> None:
    """Figure 8, AutoAttack and the audit are at it."""
    assert read("digits", "evaluate.eps=[0.0, 0.5, 0.25]").evaluate.smallest_eps() == 0.25


def test_curves_are_under_the_attack_that_is_said_or_at_the_smallest_eps() -> None:
    assert read("digits").curve() == Probe("l2", 0.5)
    assert read("mnist-mini").curve() == Probe("l2", read("mnist-mini").evaluate.smallest_eps())
    own = read("digits", "curves.norm=linf", "curves.eps=0.1", "curves.steps=3", "curves.images=50")
    assert own.curve() == Probe("linf", 0.1, 50, 3)
    linf = ("evaluate.norm=linf", "evaluate.eps=[0.06, 0.03]", "curves.images=50")
    assert read("mnist-mini", *linf).curve() == Probe("linf", 0.03, 50), "not the Probe's own norm and eps"
    with pytest.raises(FeatsplitError, match=r"^curves\.images = 0: must be at least 1"):
        read("digits", "curves.images=0")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["parts=['noise']"], "parts: is called experiments now"),
        (["scrutiny.strides=[1.0]"], "scrutiny.strides: is called scrutiny.relative_step_sizes now"),
        (["evaluate.eps=[0.0]"], f"evaluate: needs an attack, and an eps greater than 0; {WHY}"),
        (["evaluate.eps=[0.5, 0.5]"], "evaluate.eps = [0.5, 0.5]: give each eps once"),
        (["experiments=['bugs']"], 'experiments "bugs": is of the study distill2019; say study = "distill2019"'),
        (["discussion.images=5"], 'discussion: is of the study distill2019; say study = "distill2019"'),
        (["discusion.images=5"], 'key = "discusion": must be one of study, name, precision, data, model, networks, '
         "train, match, perturb, evaluate, curves, scrutiny, experiments, architectures, architecture_epochs, dtype; "
         'did you mean "scrutiny"?'),
        (
            ["parts=[]", "scrutiny.strides=[1.0]"],
            "parts: is called experiments now; scrutiny.strides: is called scrutiny.relative_step_sizes now",
        ),
    ],
)  # fmt: skip
def test_what_is_called_otherwise_now_is_refused_with_its_name(overrides: list[str], message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        read("digits", *overrides)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", presets())
def test_every_preset_comes_back_from_its_json(name: str) -> None:
    settings = read_settings(name)
    assert type(settings).read(settings.plain()) == settings
