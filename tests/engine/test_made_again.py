"""The command on the page of a run makes it again, from its settings.toml alone."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.least import LEAST, call, run


def test_the_command_on_the_page_makes_the_run_again_from_its_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user's own data at a relative path, with --set and --experiments, from another working folder."""
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "mine").mkdir(parents=True)
    second.mkdir()
    rng, labels = np.random.default_rng(0), np.arange(40) % 4
    images = rng.integers(0, 256, (2, 40, 8, 8), dtype=np.uint8)
    np.savez(first / "mine" / 'a "b" ü.npz', x_train=images[0], y_train=labels, x_test=images[1], y_test=labels)
    (first / "least.toml").write_text(LEAST)
    monkeypatch.chdir(first)
    source = shlex.quote('data.source=npz:mine/a "b" ü.npz')
    run(f"least.toml --seeds 1,0 --set {source} --set evaluate.steps=1 --experiments none --out {tmp_path}/out")
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


def test_a_data_root_is_part_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "least.toml").write_text(LEAST)
    monkeypatch.chdir(tmp_path)
    run("least.toml --seeds 0 --data-root elsewhere --out root")
    again = json.loads(Path("root/run.json").read_text())["again"]
    assert again == f"featsplit run root/settings.toml --seeds 0 --out root-again --data-root {tmp_path}/elsewhere"
