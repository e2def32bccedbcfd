"""Does the step rule matter? A preset over three seeds by each rule, beside the paper's rule in plain float32."""

import json
import math
import shlex
import statistics
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine
from benchmarks.pages import Claim, as_json, write
from benchmarks.presets import SEEDS, run_preset
from featsplit.metadata.sets import read_set_metadata
from featsplit.report.cells import Cells

PRESETS = ("digits", "cifar10-mini")
NAMES = tuple(f"rules-{preset}" for preset in PRESETS)
PAPER = ["match.rule.name=normalised", "match.steps=1000", "precision=float32"]
RULES = {
    "paper, float32": PAPER,
    "momentum": ["match.rule.name=momentum", "match.steps=80"],
    "lbfgs (default)": ["match.steps=50"],
}
THEN = {
    "cifar10-mini": [
        "train.adversarial.adversary.eps=0.25",
        *(f"train.{name}.epochs=10" for name in ("rand", "det")),
        *(f"train.{name}.lr=0.1" for name in ("rand", "det")),
        *(f"train.{name}.weight_decay=0.005" for name in ("rand", "det")),
        *(f'train.{name}.augment=["reflect-crop", "flip"]' for name in ("rand", "det")),
        "perturb.steps=25",
        "perturb.step_size=0.12",
        "evaluate.eps=[0.1, 0.25]",
        "evaluate.restarts=3",
    ]
}
"""What the preset was when the paper's rule, which takes hours, was run on it."""
Row = dict[str, Any]
Key = tuple[str, str, str, float | None]


def measure(name: str, results: Path, *, data_root: Path | None) -> bool:
    """Run the preset by each rule that results/rules does not hold yet; write the comparison.

    1000 steps of the paper's rule take minutes on digits, hours on cifar10-mini; delete a file to measure it again.
    """
    preset = name.removeprefix("rules-")
    folder = results / "rules"
    folder.mkdir(exist_ok=True)
    found: dict[str, list[Row]] = {}
    reached: dict[str, dict[str, dict[str, float]]] = {}
    for rule, settings in RULES.items():
        path = folder / f"{preset}-{rule.split()[0].strip(',')}.json"
        if not path.exists():
            content, rows = _run(preset, [*THEN.get(preset, []), *settings], data_root)
            path.write_text(as_json(content, rows))
        content = json.loads(path.read_text())
        found[rule] = content["rows"]
        reached[rule] = content["matched"]
    return compare(name, results, preset, found, reached)


def _run(preset: str, settings: list[str], data_root: Path | None) -> tuple[dict[str, Any], list[Row]]:
    """What a run by `settings` tells of itself, and its rows of the sets and of the networks trained on them."""
    extra = ["--experiments", "none", *(word for setting in settings for word in ("--set", setting))]
    extra += ["--data-root", str(data_root)] if data_root else []
    with TemporaryDirectory() as folder:
        seconds = run_preset(preset, Path(folder), SEEDS, extra)
        rows = json.loads((Path(folder) / "rows.json").read_text())
        reached = {name: _matched(Path(folder), name) for name in ("robust", "nonrobust")}
    words = ["featsplit", "run", preset, "--seeds", SEEDS, "--experiments", "none"]
    command = shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])
    told = {"command": command, "machine": machine(), "seconds": seconds, "matched": reached}
    return told, [row for row in rows if row["experiment"] in ("main", "construction")]


def _matched(folder: Path, name: str) -> dict[str, float]:
    """The relative distance (a median over images) and the runs of the network an image, means over seeds."""
    summaries = [read_set_metadata(path).summary for path in sorted(folder.glob(f"seed*/sets/{name}.h5"))]
    return {figure: statistics.fmean(each[figure] for each in summaries) for figure in ("relative_distance", "runs")}


def compare(
    name: str, results: Path, preset: str, found: dict[str, list[Row]], reached: dict[str, dict[str, dict[str, float]]]
) -> bool:
    """Write every number by each rule, and how far the default lies from the paper's rule in standard errors."""
    paper, default = "paper, float32", "lbfgs (default)"
    header = ["trained on", "tested on", "L2 eps", *found, "apart, in standard errors"]
    table: Cells = [header]
    far, compared = 0, 0
    for key in _keys(found):
        values = {rule: _values(rows, key) for rule, rows in found.items()}
        apart = _apart(values[paper], values[default])
        compared, far = compared + 1, far + (apart > 2)
        train_set, training, test_set, eps = key
        trained_on = f"{train_set}, {training}" if train_set == "source" else train_set
        cells = [f"{statistics.fmean(v):.3f} ± {statistics.stdev(v):.3f}" for v in values.values()]
        table.append([trained_on, test_set, "clean" if eps is None else f"{eps:g}", *cells, f"{apart:.1f}"])
    claims = [Claim(f"numbers of {compared} more than 2 standard errors apart", far, 0, most=True)]
    claims += [
        Claim(
            f"D_R at eps {eps:g}: default less paper's rule",
            _mean(found, default, eps) - _mean(found, paper, eps),
            -0.03,
        )
        for eps in sorted({eps for *_, eps in _keys(found) if eps})
    ]
    seeds = {rule: sorted({row["seed"] for row in rows}) for rule, rows in found.items()}
    text = (
        f"`featsplit run {preset}` by each rule; mean ± standard deviation over seeds ("
        + "; ".join(f"{rule}: {', '.join(map(str, seed))}" for rule, seed in seeds.items())
        + "). The standard error is that of the difference of the means; with so few seeds 2 of them are passed by "
        "chance alone in about one number of eight. The rows, with the commands, are in results/rules."
    )
    near: Cells = [["rule", "relative distance of D_R", "of D_NR", "runs of the network an image"]]
    for rule, sets in reached.items():
        distances = [f"{sets[name]['relative_distance']:.3f}" for name in ("robust", "nonrobust")]
        near.append([rule, *distances, f"{sets['robust']['runs']:.0f}"])
    return write(results, name, f"Step rules on {preset}", text, [near, table], claims, {"seeds": seeds})


def _keys(found: dict[str, list[Row]]) -> list[Key]:
    """What every rule was measured on, with as many seeds as the others."""
    counts = [Counter(map(_key, rows)) for rows in found.values()]
    return [key for key, count in counts[-1].items() if all(other[key] == count for other in counts)]


def _values(rows: list[Row], key: Key) -> list[float]:
    return [row["accuracy"] for row in rows if _key(row) == key]


def _key(row: Row) -> Key:
    test = [row["test_set"], *(row[name] for name in ("labels", "moment") if row.get(name))]
    return row["train_set"], row["training"], ":".join(test), row["eps"]


def _mean(found: dict[str, list[Row]], rule: str, eps: float) -> float:
    return statistics.fmean(_values(found[rule], ("robust", "standard", "source", eps)))


def _apart(left: list[float], right: list[float]) -> float:
    """The difference of two means in its standard errors."""
    error = math.sqrt(sum(statistics.variance(values) / len(values) for values in (left, right)))
    return abs(statistics.fmean(left) - statistics.fmean(right)) / max(error, 1e-3)
