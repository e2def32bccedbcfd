"""Where a run goes: nothing is replaced without a word, nothing is made twice, and settings.toml makes it again."""

import dataclasses
import json
import os
import shlex
import shutil
import tomllib
import types
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.experiment import folders
from featsplit.experiment.convert import as_toml
from featsplit.experiment.folders import changes, destination, held, settled
from featsplit.experiment.settings import Experiment, presets, read_experiment
from featsplit.experiment.stages import ROWS

LEAST = """
[data]
source = "digits"
limit = 60
limit_test = 30
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
PAGE = ("rows.json", "report.html", "report.md")


def call(line: str) -> tuple[str, str]:
    """What a command that ends well prints, on standard output and on standard error."""
    result = CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def run(words: str) -> tuple[str, str]:
    return call(f"run {words} --device cpu --workers 1")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file in `folder` by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a finished run of two seeds in the usual place (read only: copy it to change it)."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "least.toml").write_text(LEAST)
    before = Path.cwd()
    os.chdir(folder)
    try:
        run("least.toml --seeds 0,1")
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `base`, where we are."""
    shutil.copytree(base, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_other_settings_go_to_a_folder_of_their_own_and_take_the_work_along(here: Path) -> None:
    usual = here / "datasets_out" / "least"
    before = contents(usual)
    _, err = run("least.toml --seeds 0,1 --set perturb.eps=0.75")
    (own,) = [folder for folder in usual.parent.iterdir() if folder != usual]
    assert own.name.startswith("least-")
    assert err.splitlines()[0] == (
        "datasets_out/least holds a finished run of other settings (perturb.eps: 1.5 -> 0.75); "
        f"this one goes to datasets_out/{own.name}"
    )
    assert contents(usual) == before, "what was there is as it was, to the byte, though its files are shared"
    shared = {str(p.relative_to(own)) for p in own.rglob("*.*") if p.stat().st_nlink > 1}
    made = {name.removeprefix("seed0/") for name in contents(own) if name.startswith("seed0/") and name not in shared}
    assert {name for name in made if not name.startswith("rows/")} == {
        "times.jsonl", "sets/rand.h5", "sets/det.h5", "models/rand.safetensors", "models/det.safetensors"
    }  # fmt: skip
    assert {f"seed{s}/models/{n}.safetensors" for s in (0, 1) for n in ("standard", "adversarial", "robust")} < shared
    out, err = run("least.toml --seeds 0,1 --set perturb.eps=0.75")
    assert f"datasets_out/{own.name}: this run is finished" in out
    assert err.splitlines() == [err.strip()], "only where it went is said"
    run(f"least.toml --seeds 0,1 --set perturb.eps=0.75 --out {here}/fresh")
    assert (here / "fresh" / "rows.json").read_bytes() == (own / "rows.json").read_bytes()


def test_an_own_folder_given_by_out_is_replaced_and_says_so(here: Path) -> None:
    shutil.move("datasets_out/least", "out")
    run("least.toml --seeds 0,1 --out out")  # with no word: the same
    _, err = run("least.toml --seeds 0,1 --out out --set evaluate.steps=3")
    assert err.splitlines()[0] == (
        "out: a finished run of other settings (evaluate.steps: 2 -> 3) is replaced: "
        "rows.json, report.html and report.md"
    )
    assert json.loads(Path("out/run.json").read_text())["settings"]["evaluate"]["steps"] == 3
    assert tomllib.loads(Path("out/settings.toml").read_text())["evaluate"]["steps"] == 3


def test_fewer_seeds_say_which_leave_the_page_and_more_say_nothing(here: Path) -> None:
    models = sorted(path.name for path in Path("datasets_out/least/seed1/models").iterdir())
    _, err = run("least.toml --seeds 0")
    assert (
        err.splitlines()[0]
        == "datasets_out/least: the rows of seed 1 leave rows.json and the page; their other files stay"
    )
    assert sorted(path.name for path in Path("datasets_out/least/seed1/models").iterdir()) == models
    _, err = run("least.toml --seeds 0,1")
    assert "datasets_out" not in err
    assert sorted(os.listdir("datasets_out")) == ["least"]


def test_a_run_of_other_versions_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    now = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    told["versions"]["torch"] = "1.0"
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    was = now.replace(now.split()[-1], "1.0")
    assert destination(read_experiment("least.toml"), [0, 1], None).said == [
        f"datasets_out/least: was made by {was}; it is made again by {now}, and replaced"
    ]


def test_a_finished_run_whose_rows_are_of_another_format_is_measured_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "ROWS", ROWS + 1)
    asked = read_experiment("least.toml")
    assert not folders.finished(Path("datasets_out/least"), asked, [0, 1])
    assert destination(asked, [0, 1], None).said == [
        "datasets_out/least: its rows say less than those of this version; they are measured again, and replaced"
    ]


def test_a_run_that_was_killed_is_known_by_its_settings(here: Path) -> None:
    Path("datasets_out/least/run.json").unlink()
    same, other = (read_experiment("least.toml", words) for words in ([], ["match.steps=3"]))
    assert destination(same, [0], None) == (Path("datasets_out/least"), None, [])
    folder, lender, said = destination(other, [0], None)
    assert lender == Path("datasets_out/least") != folder
    assert said == [
        "datasets_out/least holds a run that was begun of other settings (match.steps: 2 -> 3); "
        f"this one goes to {folder}"
    ]


def test_a_run_made_before_there_were_settings_files_is_known(here: Path) -> None:
    """Its run.json lacks the fields that came since, each of which has the default that it then stood for."""
    Path("datasets_out/least/settings.toml").unlink()
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    for section, name in (("settings", "discussion"), ("settings", "precision")):
        del told[section][name]
    del told["again"]
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    out, err = run("least.toml --seeds 0,1")
    assert "this run is finished" in out
    assert err == ""
    out, err = call("report datasets_out/least")
    assert "featsplit run least.toml" in Path("datasets_out/least/report.md").read_text()
    Path("datasets_out/least/run.json").unlink()
    assert held(Path("datasets_out/least")) is None, "and one that was killed is taken up as it was"


def test_settings_that_cannot_be_read_are_other_settings(here: Path) -> None:
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    told["settings"]["invented"] = 1
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    folder, lender, said = destination(read_experiment("least.toml"), [0], None)
    assert (lender, folder == lender) == (Path("datasets_out/least"), False)
    assert "of other settings (which cannot be read)" in said[0]


def test_many_changes_are_counted(here: Path) -> None:
    there, asked = held(Path("datasets_out/least")), read_experiment("least.toml", ["train.epochs=3", "match.steps=9"])
    assert there is not None
    assert changes(there, asked) == (
        "train.standard.epochs: 2 -> 3, train.adversarial.epochs: 2 -> 3, train.robust.epochs: 2 -> 3, and 4 more"
    )
    parts = read_experiment("least.toml", ['parts=["noise"]', "data.resize=6"])
    assert changes(there, parts) == 'data.resize: unset -> 6, parts: [] -> ["noise"]'


def test_a_disk_without_links_gets_copies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    asked = read_experiment("least.toml", ["match.steps=3"])
    place = destination(asked, [0], None)
    folders.reopen(place, asked, [0])
    found, lent = contents(place.folder / "seed0"), contents(Path("datasets_out/least/seed0"))
    assert found == lent


def test_sets_of_parts_that_are_not_asked_for_are_not_taken_along(here: Path) -> None:
    Path("datasets_out/least/seed0/sets/det-bugs.h5").write_text("of the part bugs")
    Path("datasets_out/least/seed0/models/.rand.safetensors.training").write_text("half of a training")
    Path("datasets_out/least/seed0/rows/.det.json.partial").write_text("half of some rows")
    asked = read_experiment("least.toml", ["match.steps=3"])
    place = destination(asked, [0], None)
    folders.reopen(place, asked, [0])
    names = {path.name for path in place.folder.rglob("*")}
    assert {"det.h5", "rand.safetensors"} < names
    assert not {"det-bugs.h5", ".rand.safetensors.training", ".det.json.partial"} & names


def test_the_command_on_the_page_makes_the_run_again_from_its_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user's own data at a relative path, with --set and --parts, from another working folder."""
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "mine").mkdir(parents=True)
    second.mkdir()
    rng, labels = np.random.default_rng(0), np.arange(40) % 4
    images = rng.integers(0, 256, (2, 40, 8, 8), dtype=np.uint8)
    np.savez(first / "mine" / 'a "b" ü.npz', x_train=images[0], y_train=labels, x_test=images[1], y_test=labels)
    (first / "least.toml").write_text(LEAST)
    monkeypatch.chdir(first)
    source = shlex.quote('data.source=npz:mine/a "b" ü.npz')
    run(f"least.toml --seeds 1,0 --set {source} --set evaluate.steps=1 --parts none --out {tmp_path}/out")
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    page = (tmp_path / "out" / "report.md").read_text()
    assert told["again"] in page
    (first / "least.toml").unlink()
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and path.name != "settings.toml":
            path.rename(path.with_name(f"moved-{path.name}"))
    monkeypatch.chdir(second)
    assert told["again"] == f"featsplit run {tmp_path}/out/settings.toml --seeds 1,0 --out {tmp_path}/out-again"
    call(told["again"].removeprefix("featsplit ") + " --device cpu --workers 1")
    again = (tmp_path / "out-again" / "rows.json").read_bytes()
    assert again == (tmp_path / "out" / "moved-rows.json").read_bytes()
    assert (tmp_path / "out-again" / "settings.toml").read_bytes() == (tmp_path / "out/settings.toml").read_bytes()


def test_a_data_root_is_part_of_the_command(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("least.toml --seeds 0 --data-root elsewhere --out root")
    again = json.loads(Path("root/run.json").read_text())["again"]
    assert again == f"featsplit run root/settings.toml --seeds 0 --out root-again --data-root {here}/elsewhere"


@pytest.mark.parametrize("name", presets())
def test_settings_of_every_preset_come_back_from_toml(name: str, tmp_path: Path) -> None:
    experiment = read_experiment(name)
    (tmp_path / "settings.toml").write_text(as_toml(experiment.plain()), encoding="utf-8")
    assert read_experiment(str(tmp_path / "settings.toml")) == experiment


SCALARS = st.text() | st.integers() | st.booleans() | st.floats(allow_nan=False)
VALUES = SCALARS | st.lists(st.text()) | st.lists(st.floats(allow_nan=False))


@example({"data": {"source": 'npz:C:\\a "b"\x7f\t\x00\n\u2028\U0001f642.npz'}})
@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]+", fullmatch=True),
        VALUES | st.none() | st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True), VALUES),
    )
)
def test_any_plain_settings_come_back_from_toml(mapping: dict[str, Any]) -> None:
    assert tomllib.loads(as_toml(mapping)) == {key: value for key, value in mapping.items() if value is not None}


def test_a_text_that_is_no_unicode_is_refused_by_its_place() -> None:
    """A file name of another encoding: TOML is UTF-8."""
    with pytest.raises(FeatsplitError) as caught:
        as_toml({"data": {"source": "npz:caf\udce9.npz"}})
    assert str(caught.value) == (
        r"data.source = 'npz:caf\udce9.npz': is no text in UTF-8, as settings must be; rename it"
    )


def test_every_setting_that_may_be_none_is_so_by_default() -> None:
    """Else None, which TOML cannot say, would not come back."""

    def walk(kind: Any) -> None:
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            options = typing.get_args(hints[field.name]) if isinstance(hints[field.name], types.UnionType) else ()
            if type(None) in options:
                assert field.default is None, f"{kind.__name__}.{field.name}"
            for option in (hints[field.name], *options):
                if dataclasses.is_dataclass(option):
                    walk(option)

    walk(Experiment)


@pytest.mark.parametrize("prefix", ["folder:", "npz:", "restricted-imagenet:", ""])
def test_settings_name_their_data_from_anywhere(prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = read_experiment("digits")
    own = replace(experiment, data=replace(experiment.data, source=f"{prefix}mine/own.h5"))
    assert settled(own).data.source == f"{prefix}{tmp_path}/mine/own.h5"
    assert settled(settled(own)) == settled(own)
    assert settled(experiment) == experiment
