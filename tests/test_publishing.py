"""What surrounds the package: workflows, issue forms, citation, image and change log say what is so."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import featsplit
from featsplit.models.checkpoints import SAME_NUMBERS, decisive

yaml = pytest.importorskip("yaml", reason="PyYAML is not here: pip install pyyaml")
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
MAJOR = re.compile(r"[\w.-]+/[\w.-]+@(v\d+|release/v\d+)")


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_may_do_little_for_a_limited_time_by_actions_of_a_major_version(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        assert "uses" not in step or MAJOR.fullmatch(step["uses"]), step


def test_the_tests_run_on_every_python_that_is_promised_and_on_the_oldest_dependencies() -> None:
    jobs = WORKFLOWS["tests"]["jobs"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert jobs["tests"]["strategy"]["matrix"]["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    lowest = [step.get("run", "") for step in jobs["lowest"]["steps"]]
    assert any("--resolution lowest-direct" in line for line in lowest)
    assert any(step.get("with", {}).get("python-version") == promised[0] for step in jobs["lowest"]["steps"])


def test_a_release_is_built_once_and_published_without_a_secret() -> None:
    release = WORKFLOWS["release"]
    assert sum(step.get("run") == "python -m build" for step in steps(release)) == 1
    assert [name for name, job in release["jobs"].items() if "permissions" in job] == ["publish"]
    publish = release["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert (publish["environment"], publish["needs"], release["jobs"]["try"]["needs"]) == ("pypi", "try", "build")
    assert not any("secrets." in path.read_text() for path in (ROOT / ".github").rglob("*.yml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_shows(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] in {"textarea", "input", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == featsplit.__version__
    assert f"## {featsplit.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_the_changes_of_a_version_are_in_the_sections_of_keep_a_changelog_in_their_order() -> None:
    known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for version in (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        found = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert found, version[:40]
        assert all(known.index(first) < known.index(second) for first, second in pairwise(found))


def test_what_a_version_kept_is_taken_up_while_numbers_are_the_same() -> None:
    """Else every network and row of a user would be made again, at each release."""
    assert SAME_NUMBERS[-1] == featsplit.__version__
    assert decisive({"featsplit": "0.1.0", "torch": "2"}) == decisive(
        {"featsplit": featsplit.__version__, "torch": "2"}
    )
    assert decisive({"featsplit": "0.0.9", "torch": "2"}) != decisive({"featsplit": "0.1.0", "torch": "2"})
    assert decisive({"featsplit": "0.1.0", "torch": "2"}) != decisive({"featsplit": "0.1.0", "torch": "3"})


def test_the_image_is_made_of_what_is_there_and_not_ignored() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
    assert 'CMD ["run", "digits", "--out", "/out/digits"]' in lines
