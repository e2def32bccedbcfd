"""Jobs on Ray: the same rows as in this process; an error is the user's; a process that dies is replaced."""

import gc
import os
import signal
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from featsplit.data.sources import DataSpec, load_data
from featsplit.engine.jobs import Job, Worker
from featsplit.engine.on_ray import RayEngine, start_ray
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.records.engine import EngineOptions, EngineSpec
from featsplit.runtime import Machine
from tests.works import DIAMOND, Die, Fail, Leave, LoseRank, See, SeeTogether, Warn, hear

pytest.importorskip("ray")
ON_RAY = EngineSpec("ray", retries=2)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayEngine]:
    worker = Worker(tmp_path_factory.mktemp("ray"), Machine(torch.device("cpu"), "float32"), None, hear)
    with start_ray(worker, ON_RAY, preload="tests.works") as started:
        yield started
    with warnings.catch_warnings():  # Ray leaves its processes and their files to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_a_job_begins_when_what_it_needs_has_ended(engine: RayEngine) -> None:
    assert engine.carry_out(DIAMOND) == {"a": [{"n": 1}], "b": [{"n": 2}], "c": [{"n": 2}], "d": [{"n": 5}]}


def test_a_warning_of_a_job_is_a_warning_of_the_run(engine: RayEngine) -> None:
    with pytest.warns(FeatsplitWarning, match="3 of 7 are odd"):
        engine.carry_out([Job("w", Warn("3 of 7 are odd"))])


def test_an_error_of_a_job_is_the_error_of_the_run(engine: RayEngine) -> None:
    with pytest.raises(FeatsplitError, match=r"^it is so$"):
        engine.carry_out([Job("f", Fail("it is so")), Job("g", Leave("g"), ("f",))])


def test_a_job_whose_process_dies_begins_again(engine: RayEngine) -> None:
    """It dies twice, of three times that it may be tried."""
    assert engine.carry_out([Job("h", Die("h", 2, signal.SIGKILL))]) == {"h": [{"n": 3}]}


def test_a_job_that_lost_one_of_its_ranks_begins_again(engine: RayEngine) -> None:
    assert engine.carry_out([Job("l", LoseRank("l", 2))]) == {"l": [{"n": 3}]}
    with pytest.raises(FeatsplitError, match="one of 2 processes was killed"):
        engine.carry_out([Job("m", LoseRank("m", 9))])


def test_what_no_machine_has_is_said(engine: RayEngine) -> None:
    with pytest.warns(
        FeatsplitWarning, match=r"no machine of the cluster has the 9999 CPUs and 0 GPUs that a job takes"
    ):
        RayEngine(engine.worker, replace(ON_RAY, cpus=9999), engine.ray, None)._warn_of_none(0, 1)


@pytest.mark.parametrize(
    ("cpus", "gpus", "places"), [(1.0, 0.0, 11), (0.1, 0.0, 110), (4.0, 0.0, 2), (1.0, 0.25, 8), (5.0, 1.0, 1)]
)
def test_a_place_is_where_a_job_has_what_it_takes(engine: RayEngine, cpus: float, gpus: float, places: int) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": True, "Resources": {"memory": 1e9}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    own = RayEngine(engine.worker, replace(ON_RAY, cpus=cpus), SimpleNamespace(nodes=lambda: nodes), None)
    assert own._places(gpus) == places


@pytest.mark.long
def test_one_that_always_dies_ends_the_run_in_a_line(engine: RayEngine) -> None:
    with pytest.raises(FeatsplitError, match=r"i: its process or its machine died 3 times .* give a job more"):
        engine.carry_out([Job("i", Die("i", 9, signal.SIGKILL))])


def test_jobs_see_the_data_where_the_driver_has_put_them(engine: RayEngine) -> None:
    spec = DataSpec("digits", resize=16)  # large enough for the memory that processes share
    data = load_data(spec)
    own = RayEngine(engine.worker, ON_RAY, engine.ray, None, [spec])
    expected = [{"n": int(data.train.labels.sum()), "accuracy": float(data.test.inputs().mean())}]
    assert own.carry_out([Job("s", See(spec))]) == {"s": expected}
    together = Job("t", SeeTogether(spec), trains=True)
    assert own.carry_out([together]) == {"t": expected}, "of those that train together too"
    with pytest.raises(FeatsplitError, match="these are its own"):
        own.carry_out([Job("o", See(replace(spec, limit=40)))])


def test_each_job_tells_where_it_is(engine: RayEngine) -> None:
    engine.carry_out([Job("seed0/k", Leave("k"))])
    told = (engine.worker.folder / "events" / "seed0--k.jsonl").read_text()
    assert '"state": "done"' in told
    assert f'"process": {os.getpid()}' not in told


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (EngineOptions("ray", workers=2), 'engine.workers = 2: is of the engine "local"'),
        (EngineOptions(cpus=1.0), 'engine.cpus = 1.0: is of the engine "ray"'),
        (EngineOptions("ray", gpus=-1), "engine.gpus = -1: must be at least 0"),
    ],
)
def test_an_option_of_the_other_engine_is_refused(spec: EngineOptions, message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        spec.settled()


def test_an_address_where_no_cluster_answers_is_named(tmp_path: Path) -> None:
    worker = Worker(tmp_path, Machine(), None, hear)
    with (
        pytest.raises(FeatsplitError, match=r"--address 127\.0\.0\.1:1: no Ray cluster answers there"),
        start_ray(worker, EngineSpec("ray", address="127.0.0.1:1")),
    ):
        raise AssertionError


def test_jobs_on_the_cpu_take_no_gpu_of_a_cluster() -> None:
    assert EngineSpec("ray").on("cpu").gpus == 0
    assert EngineSpec("ray").on("auto").gpus is None
    assert EngineSpec("ray", gpus=1.0).on("cpu").gpus == 1
    assert EngineSpec().on("cpu") == EngineSpec()
