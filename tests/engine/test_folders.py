"""Where a run goes: nothing is replaced without a word, and nothing is made twice."""

import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from featsplit.engine import folders
from featsplit.engine.cache import FORMAT
from featsplit.engine.folders import Destination, changes, destination, held, plain_of
from featsplit.engine.results import Mark, close
from featsplit.engine.study import StudySettings
from featsplit.metadata.derived_sets import FOUR
from featsplit.metadata.plain import as_json
from featsplit.models.checkpoints import versions
from featsplit.report import plots
from featsplit.studies import read_settings, study_named
from tests.least import LEAST, call, contents, run


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


def reopen(place: Destination, settings: StudySettings) -> None:
    """Begin the run of seed 0 there."""
    folders.reopen(place, settings, study_named(settings.study).jobs(settings, 0))


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
        "times.jsonl", *(f"grids/{n}.{end}" for n in FOUR for end in ("png", "safetensors")),
        "sets/rand.h5", "sets/det.h5", "models/rand.safetensors", "models/det.safetensors"
    }  # fmt: skip
    assert {f"seed{s}/models/{n}.safetensors" for s in (0, 1) for n in ("standard", "adversarial", "robust")} < shared
    out, err = run("least.toml --seeds 0,1 --set perturb.eps=0.75")
    assert f"datasets_out/{own.name}: this run is finished" in out
    assert err.splitlines() == [err.strip()], "only where it went is said"
    run(f"least.toml --seeds 0,1 --set perturb.eps=0.75 --out {here}/fresh")
    assert (here / "fresh" / "rows.json").read_bytes() == (own / "rows.json").read_bytes()


def test_a_finished_run_is_shown_again_without_a_drawing_and_its_page_made_again_where_it_is_gone(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, page = list[float](), here / "datasets_out" / "least" / "report.html"
    draw = plots._drawn

    def counted(figured: plots.Figured) -> plots.Drawn:
        asked.append(figured.width)
        return draw(figured)

    monkeypatch.setattr(plots, "_drawn", counted)
    out, _ = run("least.toml --seeds 0,1")
    assert "this run is finished" in out
    assert "D_det" in out
    assert not asked
    was = page.read_bytes()
    page.unlink()
    run("least.toml --seeds 0,1")
    assert page.read_bytes() == was
    assert asked


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
    assert [line for line in err.splitlines() if "datasets_out" in line] == ["to      datasets_out/least"]
    assert sorted(os.listdir("datasets_out")) == ["least"]


def test_a_run_of_other_versions_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    now = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    told["versions"]["torch"] = "1.0"
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    was = now.replace(now.split()[-1], "1.0")
    assert destination(read_settings("least.toml"), [0, 1], None).lines == [
        f"datasets_out/least: was made by {was}; it is made again by {now}, and replaced"
    ]


def test_a_finished_run_whose_rows_are_of_another_format_is_measured_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "FORMAT", FORMAT + 1)
    asked = read_settings("least.toml")
    assert not folders.is_finished(Path("datasets_out/least"), asked, [0, 1])
    assert destination(asked, [0, 1], None).lines == [
        "datasets_out/least: its rows say less than those of this version; they are measured again, and replaced"
    ]


def test_a_run_that_was_killed_is_known_by_its_settings(here: Path) -> None:
    Path("datasets_out/least/run.json").unlink()
    same, other = (read_settings("least.toml", words) for words in ([], ["match.steps=3"]))
    place = destination(same, [0], None)
    assert (place.folder, place.lender, place.lines) == (Path("datasets_out/least"), None, [])
    folder, _, lender, lines = destination(other, [0], None)
    assert lender == Path("datasets_out/least") != folder
    assert lines == [
        "datasets_out/least holds a run that was begun of other settings (match.steps: 2 -> 3); "
        f"this one goes to {folder}"
    ]


def test_a_setting_that_came_since_has_its_default(here: Path) -> None:
    """Its run.json does not know it, and still is the run of the same settings."""
    Path("datasets_out/least/settings.toml").unlink()
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    for name in ("scrutiny", "precision"):
        del told["settings"][name]
    del told["digest"]
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    out, err = run("least.toml --seeds 0,1")
    assert "this run is finished" in out
    assert err == ""
    call("report datasets_out/least")
    assert "featsplit run least.toml" in Path("datasets_out/least/report.md").read_text()
    Path("datasets_out/least/run.json").unlink()
    assert held(Path("datasets_out/least"), read_settings("least.toml")) is None, "one that was killed is taken up"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"invented": 1}, "invented: 1 -> unset"),
        ({"study": "another"}, 'study: "another" -> "ilyas2019"'),
    ],
)
def test_settings_that_are_not_of_this_version_are_other_settings(
    here: Path, changed: dict[str, object], says: str
) -> None:
    told = json.loads(Path("datasets_out/least/run.json").read_text())
    told["settings"] |= changed
    Path("datasets_out/least/run.json").write_text(json.dumps(told))
    folder, _, lender, lines = destination(read_settings("least.toml"), [0], None)
    assert (lender, folder == lender) == (Path("datasets_out/least"), False)
    assert f"of other settings ({says})" in lines[0]


def test_a_mark_that_cannot_be_read_is_of_other_settings(here: Path) -> None:
    Path("datasets_out/least/run.json").write_text("{}")
    (line,) = destination(read_settings("least.toml"), [0], None).lines
    assert "a finished run of other settings (which cannot be read)" in line


def test_data_at_a_relative_path_are_the_same_the_next_time(here: Path) -> None:
    images = np.zeros((8, 4, 4), np.uint8)
    np.savez("own.npz", x_train=images, y_train=np.arange(8) % 2, x_test=images, y_test=np.arange(8) % 2)
    settings = read_settings("least.toml", ["data.source=npz:own.npz"])
    close(Path("own"), Mark(as_json(settings.plain()), [0], None, "", "", versions(), "2026-11-26"))
    assert destination(settings, [0], Path("own")).lines == []
    assert not folders.is_finished(Path("own"), settings, [0]), "for the data may have changed"


def test_many_changes_are_counted(here: Path) -> None:
    there, asked = held(Path("datasets_out/least"), read_settings("least.toml")), ["train.epochs=3", "match.steps=9"]
    assert there is not None
    assert changes(there, plain_of(read_settings("least.toml", asked))) == (
        "train.standard.epochs: 2 -> 3, train.adversarial.epochs: 2 -> 3, train.robust.epochs: 2 -> 3, and 4 more"
    )
    more = plain_of(read_settings("least.toml", ['experiments=["noise"]', "data.resize=6"]))
    assert changes(there, more) == 'experiments: [] -> ["noise"], data.resize: unset -> 6'


def test_a_disk_without_links_gets_copies(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    asked = read_settings("least.toml", ["match.steps=3"])
    place = destination(asked, [0], None)
    reopen(place, asked)
    found, lent = contents(place.folder / "seed0"), contents(Path("datasets_out/least/seed0"))
    assert found == {name: content for name, content in lent.items() if "grids/" not in name}


def test_sets_of_experiments_that_are_not_asked_for_are_not_taken_along(here: Path) -> None:
    Path("datasets_out/least/seed0/sets/det-bugs.h5").write_text("of the experiment bugs")
    Path("datasets_out/least/seed0/models/.rand.safetensors.training").write_text("half of a training")
    Path("datasets_out/least/seed0/rows/.det.json.partial").write_text("half of some rows")
    asked = read_settings("least.toml", ["match.steps=3"])
    place = destination(asked, [0], None)
    reopen(place, asked)
    names = {path.name for path in place.folder.rglob("*")}
    assert {"det.h5", "rand.safetensors"} < names
    assert not {"det-bugs.h5", ".rand.safetensors.training", ".det.json.partial"} & names
