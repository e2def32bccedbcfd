"""Jobs are small records: no tensors, no images, no name that is parsed; and the engine knows no study."""

import ast
import io
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import featsplit
from featsplit.data.images import ImageData, Split
from featsplit.data.sources import DataSpec, load_data
from featsplit.engine import jobs
from featsplit.engine.jobs import Job, Worker
from featsplit.engine.processes import start_engine
from featsplit.runtime import Machine
from featsplit.studies import STUDIES, read_settings, study_named

PACKAGE = Path(featsplit.__file__).parent
LARGEST = 20_000
RUNS = {
    "ilyas2019": (
        "cifar10-mini",
        ["experiments=['noise', 'splits', 'control', 'architectures', 'steps', 'autoattack']"],
    ),
    "distill2019": ("cifar10-mini", ["study=distill2019", "experiments=['bugs', 'audit', 'leakage', 'mislabelled']"]),
}


def jobs_of(study: str) -> list[Job]:
    preset, overrides = RUNS[study]
    return study_named(study).jobs(read_settings(preset, overrides), 0)


class Inspector(pickle.Pickler):
    """Pickles, and notes the kinds of what it goes through."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.kinds = set[type]()

    def persistent_id(self, value: Any) -> None:
        """Nothing is kept elsewhere."""
        self.kinds.add(type(value))


@pytest.mark.parametrize("study", RUNS)
def test_a_job_is_small_and_carries_no_images(study: str) -> None:
    for job in jobs_of(study):
        buffer = io.BytesIO()
        inspector = Inspector(buffer)
        inspector.dump(job)
        assert not inspector.kinds & {torch.Tensor, np.ndarray, ImageData, Split}, job.key
        assert buffer.tell() < LARGEST, f"{job.key}: {buffer.tell()} bytes"
        assert pickle.loads(buffer.getvalue()) == job


@pytest.mark.parametrize("study", RUNS)
def test_a_job_leaves_its_files_in_the_folder_of_its_seed(study: str) -> None:
    files = [file for job in jobs_of(study) for file in job.files]
    assert len(files) == len(set(files))
    assert all(file.split("/")[0] == "seed0" for file in files)


PARSED = re.compile(r"\.(r?partition|isdigit|startswith|endswith|removeprefix|removesuffix)\(|\.r?split\(\s*[\"']")
SOURCES = [path for name in ("engine", "studies") for path in sorted((PACKAGE / name).rglob("*.py"))]
READS_WORDS = {
    "engine/settings.py": 2,
    "engine/study.py": 1,
    "engine/schema.py": 2,
    "studies/sweeping.py": 2,
    "studies/kurakin2017/photographs/own.py": 1,
}
"""What parses the user's own words: `--set key=value`, `--sweep key=values`, a run that is a preset or a file, the
names of photographs; and the names of modules, which say whose record a table of settings is."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_name_is_parsed_to_find_out_what_to_do(path: Path) -> None:
    found = PARSED.findall(path.read_text())
    assert len(found) <= READS_WORDS.get(str(path.relative_to(PACKAGE)), 0), found


def imported(path: Path) -> set[str]:
    """What the file imports, at its top or in a function."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = [
        (node.module or "", alias.name) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return whole | {f"{module}.{name}" for module, name in parts}


@pytest.mark.parametrize("folder", ["engine", "report"])
def test_what_serves_every_study_imports_none(folder: str) -> None:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        assert not {name for name in imported(path) if "featsplit.studies" in name}, path


BUILDS_ON = {
    "distill2019": ["ilyas2019"],
    "planted": ["ilyas2019"],
    "li2023": ["ilyas2019"],
    "audit": ["distill2019"],
}
"""The discussion of the paper, the paper on planted data, its sets through encoders; and one measure on its own."""


@pytest.mark.parametrize("study", STUDIES)
def test_no_study_imports_another_but_those_that_build_on_one(study: str) -> None:
    others = {f"featsplit.studies.{other}" for other in STUDIES if other != study}
    others -= {f"featsplit.studies.{name}" for name in BUILDS_ON.get(study, ())}
    for path in sorted((PACKAGE / "studies" / study).rglob("*.py")):
        assert not {name for name in imported(path) for other in others if other in name}, path


def test_data_are_fetched_and_loaded_once_and_by_the_parent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other processes begin before the data are there; what they ask for later is on the disk by then."""
    asked = list[bool]()

    def load(spec: DataSpec, *, download: bool, **_: object) -> str:
        asked.append(download)
        return spec.source

    monkeypatch.setattr("featsplit.engine.jobs.load_data", load)
    begun = list[Worker]()

    def pool(count: int, *, initargs: tuple[int, Worker, str | None], **_: object) -> ProcessPoolExecutor:
        begun.append(initargs[1])
        raise LookupError

    monkeypatch.setattr("featsplit.engine.processes.ProcessPoolExecutor", pool)
    spec = DataSpec("digits", limit=77)
    worker = Worker(tmp_path, Machine(torch.device("cpu")), None, print, download=True)
    assert worker.data(spec) is worker.data(spec)
    assert asked == [True]
    with pytest.raises(LookupError), start_engine(worker, processes=2):
        raise AssertionError
    assert (worker.download, begun[0].download) == (True, False)


def test_data_that_are_given_are_fetched_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However often they are asked for or handed on, and given again."""
    monkeypatch.setattr(jobs, "_given", {})
    spec, calls, data = DataSpec("digits", limit=41), list[int](), load_data(DataSpec("digits", limit=41))

    def fetched() -> ImageData:
        calls.append(1)
        return data

    jobs.give(spec, fetched)
    jobs.give(spec, fetched)
    assert jobs.given()[spec] is jobs.given()[spec] is Worker(tmp_path, Machine(), None, print).data(spec) is data
    assert len(calls) == 1
