"""featsplit attack and the attacks of evaluate: a file like all others, one word for an attack with norm and eps."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from featsplit import evaluation, synthesis
from featsplit.commands import app
from featsplit.commands.shared import Attacks
from featsplit.data.derived import read_columns
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack
from featsplit.records.minimum_norm import MinimumNorm

FEW = "--data digits --limit 120 --limit-test 40 --device cpu"


def call(line: str) -> str:
    """The output of a command that ends well."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attack") / "m.safetensors"
    call(f"train {FEW} --arch mlp --epochs 10 --batch-size 40 --out {path}")
    return path


def test_a_file_of_adversarial_images_is_read_like_all_others(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    said = call(f"attack --model {model} {FEW} --attack closest --norm linf --steps 40 --out {out}")
    assert "closest linf on digits (test), untargeted" in said
    assert "found for 1.0000 of the images" in said
    distance = read_columns(out, ["distance"])["distance"]
    assert f"median {float(distance.median()):.4g}" in said
    told = call(f"info {out}")
    assert "adversarial images: the nearest in linf that closest finds, untargeted" in told
    assert f"median distance  {float(distance.median()):.4f}" in told
    assert "columns verified" in call(f"verify {out}")
    call(f"show {out} --out {tmp_path}/a.png --count 3")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "40 images" in call(f"export {out} --out {tmp_path}/ims")
    again = CliRunner().invoke(app, f"attack --model {model} --data {out} --steps 1 --out {tmp_path}/b.h5".split())
    assert f"{out}: these are the set's own images, made of the test images of its source digits" in again.stderr
    assert "0.000" in call(f"evaluate --model {model} --data {out} --attack pgd:l2:0").splitlines()[2]


SEARCHES = {
    "": (MinimumNorm("closest", "l2"), "untargeted"),
    "--attack sparse --targets all": (MinimumNorm("sparse", "l0"), "all"),
    "--attack carlini-wagner --steps 7 --confidence 0.5 --targets next": (
        MinimumNorm("carlini-wagner", "l2", 7, 0.5),
        "next",
    ),
}


@pytest.mark.parametrize("options", SEARCHES, ids=["as it is", "all", "next"])
def test_what_is_asked_for_is_searched_and_what_is_found_is_said(
    model: Path, tmp_path: Path, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = dict[str, Any]()

    def build_adversarial(path: Path, network: Any, data: Any, attack: MinimumNorm, **more: Any) -> dict[str, float]:
        asked.update(path=path, attack=attack, **more)
        return {"success": 0.75, "success_stored": 0.5, "mean_distance": 1.25, "calls": 41.6, **median}

    median = {} if options else {"median_distance": 2.5}
    monkeypatch.setattr(synthesis, "build_adversarial", build_adversarial)
    line = f"attack --model {model} {FEW} --seed 3 --batch-size 9 --precision float32 --dtype uint8 --overwrite"
    said = call(f"{line} --out {tmp_path}/a.h5 {options}").splitlines()
    attack, aim = SEARCHES[options]
    build = asked["build"]
    assert (asked["path"], asked["attack"], asked["aim"]) == (tmp_path / "a.h5", attack, aim)
    assert (build.split, build.seed, build.batch_size, build.machine.precision) == ("test", 3, 9, "float32")
    assert (build.name, build.dtype, build.overwrite) == ("adversarial", "uint8", True)
    assert build.made_by.model.file == str(model)
    shown = "infinite" if options else "2.5"
    assert said == [
        f"{tmp_path}/a.h5: {attack.name} {attack.norm} on digits (test), {aim}",
        f"found for 0.7500 of the images, 0.5000 as stored; distance median {shown}, mean of those found 1.25; "
        "42 calls an image",
    ]


def test_each_attack_may_have_a_norm_and_an_eps_of_its_own(model: Path, tmp_path: Path) -> None:
    attacks = "pgd:l2:0.5,fgsm:linf:8/255,closest:l2:0.5,deepfool"
    line = f"evaluate --model {model} {FEW} --attack {attacks} --eps 1/4 --out {tmp_path}/rows.json"
    said = call(f"{line} --curve {tmp_path}/c.svg")
    rows = json.loads((tmp_path / "rows.json").read_text())
    asked = [(row["attack"], row["norm"], row["eps"]) for row in rows]
    assert asked == [
        ("none", None, None),
        ("pgd", "l2", 0.5),
        ("fgsm", "linf", 8 / 255),
        ("closest", "l2", None),
        ("closest", "l2", 0.5),
        ("deepfool", "l2", None),
        ("deepfool", "l2", 0.25),
    ]
    assert rows[4]["accuracy"] <= rows[1]["accuracy"] + 2 / 40
    assert f"distance {rows[3]['distance']:.3g}" in said
    assert "0.03137" in said
    drawn = (tmp_path / "c.svg").read_text()
    assert "m, digits, closest" in drawn
    assert "m, digits, deepfool" in drawn


def test_a_curve_needs_no_rows_and_is_not_written_over(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, evaluate = dict[str, Any](), evaluation.evaluate

    def watched(*arguments: Any, **options: Any) -> Any:
        asked.update(options)
        return evaluate(*arguments, **options)

    monkeypatch.setattr(evaluation, "evaluate", watched)
    line = f"evaluate --model {model} {FEW} --attack deepfool:l2,deepfool:linf --curve {tmp_path}/c.svg"
    told = CliRunner().invoke(
        app, f"{line} --seed 3 --batch-size 9 --precision float32".split(), catch_exceptions=False
    )
    assert "c.svg: distances in l2 alone; those in linf want a --curve of their own\n" in told.stderr
    assert (asked["seed"], asked["batch_size"], asked["machine"].precision) == (3, 9, "float32")
    drawn = (tmp_path / "c.svg").read_text()
    assert "eps (l2)" in drawn
    with pytest.raises(FeatsplitError, match=r"c\.svg: exists; give another --curve, or --overwrite"):
        call(line)
    assert (tmp_path / "c.svg").read_text() == drawn
    call(f"{line} --overwrite".replace("deepfool:l2,deepfool:linf", "deepfool:linf"))
    assert "eps (linf)" in (tmp_path / "c.svg").read_text()


def test_what_is_not_written_behind_a_name_is_that_of_the_options() -> None:
    asked = Attacks(("pgd", "closest:linf", "sparse"), ("l2", "linf"), (0.1,), restarts=2).each()
    assert asked == [
        Attack(),
        Attack("pgd", "l2", 0.1, 20, None, 2),
        Attack("pgd", "linf", 0.1, 20, None, 2),
        MinimumNorm("closest", "linf", eps=(0.1,)),
        MinimumNorm("sparse", "l0", eps=(0.1,)),
    ]
    asked = Attacks(("bim", "pgd:linf:1", "closest", "jsma"), ("l2",), (0.1, 0.2), steps=7, step_size=0.5).each()
    assert asked == [
        Attack(),
        Attack("bim", "l2", 0.1, 7, 0.5, 1),
        Attack("bim", "l2", 0.2, 7, 0.5, 1),
        Attack("pgd", "linf", 1.0, 7, 0.5, 3),
        MinimumNorm("closest", "l2", 7, eps=(0.1, 0.2)),
        MinimumNorm("jsma", "l0", eps=(0.1, 0.2)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("closst", r'--attack = "closst": must be one of fgsm, .* did you mean "closest"'),
        ("pgd:l1:0.5", r'--attack pgd: norm = "l1": must be one of l2, linf'),
        ("pgd:l22", r'--attack pgd:l22: norm = "l22": must be one of .* did you mean "l2"'),
        ("pgd:l2:8/0", r'--attack pgd:l2:8/0: eps "8/0": must be numbers with commas'),
        ("pgd:l2:1:2", r'--attack "pgd:l2:1:2": must be NAME, NAME:NORM or NAME:NORM:EPS'),
    ],
)
def test_an_attack_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(FeatsplitError, match=message):
        Attacks((text,)).each()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "attack --model {model} {few} --attack jsma --norm l2 --out a.h5",
            '--norm = "l2": jsma finds distances in l0; for l2: closest',
        ),
        (
            "attack --model {model} {few} --attack deepfool --targets next --out a.h5",
            """--targets = "next": deepfool has no target; use closest""",
        ),
        ("attack --model {model} {few} --out a.png", "--out a.png: must end in .h5"),
        ("attack --model {model} {few} --repair --out a.h5", "--repair: mends what rounding to bytes undoes"),
        ("evaluate --model {model} {few} --attack jsma:l2", 'norm = "l2": jsma finds distances in l0'),
        ("evaluate --model {model} {few} --out {model}", "m.safetensors: exists; give another --out, or --overwrite"),
        ("evaluate --model {model} {few} --curve a.svg", "--curve a.svg: needs an attack that finds distances"),
        ("evaluate --model {model} {few} --attack closest --curve a.png", "--curve a.png: must end in .svg"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    model: Path, line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, line.format(model=model, few=FEW).split())
    assert isinstance(result.exception, FeatsplitError)
    assert message in str(result.exception)
