"""A finished run as its folder tells of it; one of the version before is refused with the cure, and taken up."""

import importlib
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.sources import load_data
from featsplit.engine.cache import FORMAT
from featsplit.engine.results import open_run
from featsplit.errors import FeatsplitError
from featsplit.studies import open_results, read_settings
from featsplit.synthesis import specification
from featsplit.training import files

carry_out = importlib.import_module("featsplit.studies.carry_out")
OLD = Path(__file__).parent / "files" / "run-0.1.0.tar.gz"
"""A run of version 0.1.0, of a linear network on 20 digits, without its pages."""


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path) -> None:
    message = f"{tmp_path}: is no finished run; make one with featsplit run ... --out {tmp_path}"
    mark = {
        "settings": {"study": "gaussians"},
        "seeds": ["0"],
        "data": None,
        "command": "",
        "again": "",
        "versions": {},
    }
    of_texts = json.dumps({**mark, "date": "", "format": FORMAT})
    for content in (None, "[]", "{}", '{"settings": {}, "seeds": [0], "data": {}}', "not json", of_texts):
        if content is not None:
            (tmp_path / "run.json").write_text(content)
            (tmp_path / "rows.json").write_text("[]")
        with pytest.raises(FeatsplitError) as caught:
            open_results(tmp_path)
        assert str(caught.value) == message


def test_rows_that_are_gone_are_refused_with_the_command_that_makes_them(
    every_experiment: Path, tmp_path: Path
) -> None:
    shutil.copy(every_experiment / "run.json", tmp_path)
    with pytest.raises(FeatsplitError) as caught:
        open_results(tmp_path)
    command = json.loads((tmp_path / "run.json").read_text())["command"]
    assert str(caught.value) == f"{tmp_path}: its rows.json cannot be read; run {command} --out {tmp_path}"


def test_rows_that_were_changed_are_refused_unless_they_are_trusted(
    every_experiment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digit of an accuracy, say: the page would show it."""
    shutil.copytree(every_experiment, tmp_path / "run")
    rows = tmp_path / "run" / "rows.json"
    content = bytearray(rows.read_bytes())
    content[content.index(b'"accuracy": 0.') + 14] ^= 1
    rows.write_bytes(content)
    with pytest.raises(
        FeatsplitError, match=r"run: its rows.json is not what was written; run it again: featsplit run"
    ):
        open_results(tmp_path / "run")
    monkeypatch.setenv("FEATSPLIT_TRUST", "1")
    assert open_results(tmp_path / "run").rows


def test_the_chance_of_a_run_is_its_most_frequent_class(every_experiment: Path) -> None:
    """40 stratified images of ten classes: four of each."""
    assert open_results(every_experiment).chance == 0.1


def test_a_run_is_opened_as_it_was_made(every_experiment: Path) -> None:
    results, mark = open_results(every_experiment), open_run(every_experiment)
    assert (results.settings.study, list(results.seeds)) == ("distill2019", [0, 1])
    assert results.settings.plain() == type(results.settings).read(mark.settings).plain()
    assert results.data is not None
    assert (results.data.train, results.data.test, results.data.shape) == (120, 40, (1, 8, 8))
    assert results.seed_folder(1) == every_experiment / "seed1"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of the version before, in the folder "old" of where we are, of the versions that are here."""
    with tarfile.open(OLD) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    monkeypatch.chdir(tmp_path)
    versions = json.loads((tmp_path / "old" / "run.json").read_text())["versions"]
    for module in (files, specification):
        monkeypatch.setattr(module, "versions", lambda: versions)
    return tmp_path / "old"


def test_a_run_of_the_version_before_is_refused_with_the_cure(old: Path, refused: Callable[[str], str]) -> None:
    assert refused("report old") == (
        "old: its rows are of another version; make them again, by which its networks and sets are taken up: "
        "featsplit run least.toml --seeds 0 --experiments none --out old"
    )


def test_settings_of_the_version_before_are_refused_with_their_new_names(
    old: Path, refused: Callable[[str], str]
) -> None:
    assert refused("run old/settings.toml") == (
        'discussion: is of the study distill2019; say study = "distill2019"; parts: is called experiments now; '
        "scrutiny.strides: is called scrutiny.relative_step_sizes now; "
        "match.rule.norm: is none of the rule lbfgs's; leave it out; "
        "match.rule.momentum: is none of the rule lbfgs's; leave it out"
    )
    text = (old / "settings.toml").read_text()
    for was, now in {"parts": 'study = "distill2019"\nexperiments', "strides": "relative_step_sizes"}.items():
        text = text.replace(f"\n{was} = ", f"\n{now} = ")
    text = text.replace('name = "lbfgs"\nnorm = "l2"\nmomentum = 0.9\n', 'name = "lbfgs"\n')
    (old / "settings.toml").write_text(text)
    assert read_settings("old/settings.toml").study == "distill2019", "nothing more is to be mended"


def test_a_run_into_the_folder_of_one_of_the_version_before_takes_its_networks_and_sets_up(old: Path) -> None:
    (old.parent / "least.toml").write_text(LEAST)
    before = {path: path.read_bytes() for folder in ("models", "sets") for path in (old / "seed0" / folder).iterdir()}
    stamps = {path: path.stat().st_mtime_ns for path in before}
    rows = json.loads((old / "rows.json").read_text())
    words = "run least.toml --seeds 0 --experiments none --out old --workers 1 --device cpu"
    result = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[0] == (
        "old: a finished run of other settings (by a version before, with other names) is replaced: "
        "rows.json, report.html and report.md"
    )
    assert len(before) == 10
    assert {path: path.stat().st_mtime_ns for path in before} == stamps
    again = json.loads((old / "rows.json").read_text())
    fields = ("train_set", "training", "attack", "eps", "epoch", "accuracy")
    old_numbers, numbers = (
        Counter((row[word], *(row.get(name) for name in fields)) for row in found)
        for word, found in (("part", rows), ("experiment", again))
    )
    assert numbers == old_numbers
    assert CliRunner().invoke(app, ["report", "old"], catch_exceptions=False).exit_code == 0


LEAST = """
dtype = "uint8"
[data]
source = "digits"
limit = 20
limit_test = 10
[model]
arch = "linear"
[train]
epochs = 2
schedule = "one-cycle"
[train.adversarial]
adversary = { eps = 0.5, steps = 1 }
[match]
steps = 2
[perturb]
eps = 1.5
steps = 2
step_size = 0.5
[evaluate]
eps = [0.5]
steps = 2
restarts = 1
"""


def test_a_run_whose_page_failed_is_not_finished_and_writes_it_when_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark of a finished run comes last."""
    file, out = tmp_path / "least.toml", tmp_path / "out"
    file.write_text(LEAST)
    words = ["run", str(file), "--out", str(out), "--workers", "1", "--device", "cpu"]

    def failing(*arguments: object) -> None:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(carry_out, "write_report", failing)
        assert CliRunner().invoke(app, words).exit_code == 1
    assert (out / "rows.json").is_file()
    assert not (out / "run.json").exists()
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert (out / "report.html").is_file()
    assert (out / "run.json").is_file()


def test_a_mark_of_which_a_byte_changed_is_refused(every_experiment: Path, tmp_path: Path) -> None:
    """The settings that a page shows would be others."""
    shutil.copytree(every_experiment, tmp_path / "run")
    mark = tmp_path / "run" / "run.json"
    mark.write_text(mark.read_text().replace('"date": "2', '"date": "3'))
    with pytest.raises(FeatsplitError, match=r"its run\.json is not what was written; run it again"):
        open_results(tmp_path / "run")


def test_a_run_keeps_the_labels_of_the_test_images_that_its_rows_name(every_experiment: Path) -> None:
    """By which its page tells accuracies by class; a run of a version before has none."""
    results = open_results(every_experiment)
    data = load_data(results.settings.data)
    labels = results.test_labels()
    assert labels is not None
    assert labels.tolist() == data.test.labels.tolist()
    assert results.data
    named = {row["images"] for row in results.rows if row["experiment"] == "main" and row["test_set"] == "source"}
    assert named == {results.data.images}
    before = replace(results, data=replace(results.data, test_labels=""))
    assert before.test_labels() is None
