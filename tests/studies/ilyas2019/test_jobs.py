"""The jobs of a run: what one needs comes before it, and what a set is made with has been trained."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featsplit.metadata.derived_sets import DERIVED_SETS, FOUR
from featsplit.studies.ilyas2019.jobs import SCRUTINISED, jobs
from featsplit.studies.ilyas2019.networks import compared_on_det, derived_sets, examined, retrained
from featsplit.studies.ilyas2019.settings import EXPERIMENTS, Settings
from featsplit.studies.ilyas2019.works import Train
from tests.rows import read

SOME = st.lists(st.sampled_from(EXPERIMENTS), unique=True)


def digits(experiments: list[str], architectures: list[str]) -> Settings:
    return replace(read("digits"), experiments=tuple(experiments), architectures=tuple(architectures))


def needs_of(settings: Settings, seed: int = 0) -> dict[str, tuple[str, ...]]:
    """What each job of a seed needs, by their keys."""
    return {job.key: job.needs for job in jobs(settings, seed)}


@given(chosen=SOME, archs=st.sets(st.sampled_from(["cnn", "resnet8", "mlp"])))
def test_what_a_job_needs_comes_before_it(chosen: list[str], archs: set[str]) -> None:
    settings = digits(chosen, sorted(archs))
    needs = list(needs_of(settings).items())
    for place, (key, needed) in enumerate(needs):
        earlier = {other for other, _ in needs[:place]}
        assert set(needed) <= earlier, f"{key} needs {needed}"
    keys = [key for key, _ in needs]
    assert len(keys) == len(set(keys))
    assert {f"seed0/{one.name}" for one in derived_sets(settings)} <= set(keys)
    assert f"seed0/{examined(settings).name}" in keys
    attacked = {f"seed0/autoattack/{name}" for name in ("standard", "adversarial", *SCRUTINISED)}
    assert attacked & set(keys) == (attacked if "autoattack" in chosen else set())
    searched = {f"seed0/distance/{name}": (f"seed0/{name}",) for name in ("standard", "adversarial", *FOUR)}
    assert {key: of for key, of in needs if "/distance/" in key} == (searched if "distance" in chosen else {})


@given(chosen=SOME)
def test_what_a_set_is_made_and_controlled_with_has_been_trained(chosen: list[str]) -> None:
    settings = digits(chosen, ["cnn"])
    needs = needs_of(settings, seed=7)
    for one in derived_sets(settings):
        assert f"seed7/{one.made_by.network}" in needs[f"seed7/{one.name}"]
        assert not one.made_by.control or "seed7/adversarial" in needs[f"seed7/{one.name}"]
    assert ("seed7/det@cnn" in needs) == ("architectures" in chosen)
    assert "seed7/det" in needs.get("seed7/det@cnn", ("seed7/det",))
    assert examined(settings).name == ("robust-noise" if "noise" in chosen else "robust")


@pytest.mark.parametrize(
    ("overrides", "apart"), [([], False), (["architecture_epochs=50"], False), (["architecture_epochs=5"], True)]
)
def test_architectures_are_compared_after_the_same_epochs(overrides: list[str], apart: bool) -> None:
    """Where they learn for another time than the rest of the run, so does one more network of the run's own."""
    architectures = ['experiments=["architectures"]', 'architectures=["cnn", "resnet8"]']
    settings = read("digits", *overrides, *architectures)
    works = {job.key: job.work for job in jobs(settings, 0)}
    assert settings.train.det.epochs == 50
    assert ("seed0/det@resnet8" in works) == apart
    recipes = {arch: network.recipe for arch, network in compared_on_det(settings).items()}
    assert recipes["cnn"].epochs == (settings.architecture_epochs or 50)
    assert not apart or recipes["resnet8"] == recipes["cnn"]
    work = works["seed0/det@cnn"]
    assert isinstance(work, Train)
    assert work.network == compared_on_det(settings)["cnn"]


def test_a_set_is_learned_as_the_one_of_the_four_that_is_like_it() -> None:
    settings = read("paper-cifar10", *(f"train.{name}.epochs={count}" for name, count in EPOCHS.items()))
    like = {name: retrained(settings, derived).recipe.epochs for name, derived in DERIVED_SETS.items()}
    assert like == {
        **{name: EPOCHS[name] for name in ("robust", "nonrobust", "rand", "det")},
        **{"robust-noise": 3, "nonrobust-noise": 4, "rand-control": 5, "det-control": 6, "rand-bugs": 5, "det-bugs": 6},
        "mislabelled": 1,
    }


EPOCHS = {"standard": 1, "adversarial": 2, "robust": 3, "nonrobust": 4, "rand": 5, "det": 6}


def test_a_network_of_labels_moved_on_says_so() -> None:
    """It is tested on those labels too."""
    moved = {name for name, derived in DERIVED_SETS.items() if retrained(read("digits"), derived).labels == "next"}
    assert moved == {"det", "det-control", "det-bugs"}


def test_each_seed_has_its_own_keys_and_files() -> None:
    first, second = (jobs(read("digits"), seed) for seed in (0, 1))
    assert not {job.key for job in first} & {job.key for job in second}
    files = {file for job in first for file in job.files}
    assert {"seed0/models/det.safetensors", "seed0/sets/det.h5"} <= files
    assert not files & {file for job in second for file in job.files}
