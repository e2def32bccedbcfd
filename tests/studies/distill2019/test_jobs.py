"""The jobs that the discussion adds: none that is not asked for, and each after what it needs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featsplit.errors import FeatsplitError
from featsplit.studies import ilyas2019, read_settings
from featsplit.studies.distill2019.jobs import jobs
from featsplit.studies.distill2019.measures import TransferOfBugs
from featsplit.studies.distill2019.settings import Settings
from featsplit.studies.ilyas2019.works import DeriveAndRetrain

DISCUSSED = ("audit", "leakage", "bugs", "mislabelled")


def read(*overrides: str) -> Settings:
    """The settings of the digits with the discussion."""
    settings = read_settings("digits", ["study=distill2019", *overrides])
    assert isinstance(settings, Settings)
    return settings


def test_what_is_not_asked_for_is_not_made() -> None:
    paper = ilyas2019.jobs(ilyas2019.Settings.read({**read_settings("digits").plain()}), 0)
    assert [job.key for job in jobs(read(), 0)] == [job.key for job in paper]


@given(chosen=st.lists(st.sampled_from(Settings.known_experiments), unique=True))
def test_what_a_job_needs_comes_before_it(chosen: list[str]) -> None:
    found = jobs(replace(read(), experiments=tuple(chosen)), 3)
    keys = [job.key for job in found]
    assert len(keys) == len(set(keys))
    for place, job in enumerate(found):
        assert set(job.needs) <= set(keys[:place]), job.key


def test_bugs_need_their_ensemble_and_one_more_network() -> None:
    settings = read('experiments=["bugs"]', "discussion.ensemble=3")
    found = {job.key: job for job in jobs(settings, 0)}
    others = [f"seed0/standard@{number}" for number in (1, 2, 3, 4)]
    assert set(others) < set(found)
    bugs, fresh = found["seed0/det-bugs"], found["seed0/fresh"]
    assert set(bugs.needs) == {"seed0/standard", *others[:3]}
    assert isinstance(bugs.work, DeriveAndRetrain)
    assert [one.name for one in bugs.work.ensemble] == ["standard@1", "standard@2", "standard@3"]
    assert all((one.spec, one.recipe) == (settings.model, settings.train.standard) for one in bugs.work.ensemble)
    assert (bugs.work.network.experiment, bugs.work.network.labels) == ("bugs", "next")
    assert isinstance(fresh.work, TransferOfBugs)
    assert fresh.work.fresh.name == "standard@4"
    assert set(fresh.needs) == {"seed0/det", "seed0/det-bugs", "seed0/standard@4"}


@pytest.mark.parametrize("name", ["ensemble", "early_epochs", "images", "steps"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(FeatsplitError, match=f"^discussion.{name} = 0: must be at least 1$"):
        read(f"discussion.{name}=0")


@pytest.mark.parametrize("name", DISCUSSED)
def test_an_experiment_of_the_discussion_is_of_this_study_alone(name: str) -> None:
    assert read(f"experiments=['{name}']").experiments == (name,)
    with pytest.raises(FeatsplitError, match=f'^experiments "{name}": is of the study distill2019; say study = '):
        read_settings("digits", [f"experiments=['{name}']"])
