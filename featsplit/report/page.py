"""A run as one page: what it shows, every table beside the paper's, the plots, the images, and how to make it again."""

import json
from pathlib import Path
from typing import Any

from featsplit.data.planted import is_planted, planted_from
from featsplit.errors import FeatsplitError
from featsplit.experiment.convert import flat, record
from featsplit.experiment.plan import sets_of
from featsplit.experiment.settings import Experiment
from featsplit.experiment.stages import TIMES
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.sets import read_set_metadata
from featsplit.report import markup, plots
from featsplit.report.answers import known_sets
from featsplit.report.claims import claims, telling_eps
from featsplit.report.decisions import Claim
from featsplit.report.discussion import discussion
from featsplit.report.intervals import Interval
from featsplit.report.markup import Block, Code, Heading, Picture, Plot, Table, Text
from featsplit.report.notes import notes
from featsplit.report.published import BANDS, compared, differences
from featsplit.report.rows import Row, picked, spread
from featsplit.report.tables import (
    NAMES,
    Cells,
    accuracy_table,
    architecture_table,
    as_text,
    control_table,
    planted_table,
    reading_table,
    source_table,
    splits_table,
    steps_table,
)
from featsplit.report.verdicts import VERDICTS, claims_table, counted, verdicts_as_text
from featsplit.report.warnings import set_warnings

TITLES = {name: derived.title for name, derived in DERIVED_SETS.items()}
CONTROL = (
    "How often the adversarially trained network, which sees robust features only, reads the new label. What it gains "
    "from before to after the perturbation has leaked into robust features, and is not the work of non-robust ones."
)
PLANTED = (
    "The share of each component's class signal in the source that a set has for its own labels, read off by matched "
    "filters, not by a network. 1 is all of it, 0 none; below 0 the set points to other classes."
)


class Run:
    """A finished run in the folder `path`: its `experiment`, `seeds`, `rows`, and what it `told` of itself."""

    def __init__(self, path: Path) -> None:
        try:
            self.told: dict[str, Any] = json.loads((path / "run.json").read_text())
            self.rows: list[Row] = json.loads((path / "rows.json").read_text())
            self.experiment = record(Experiment, self.told["settings"], "")
            self.seeds: list[int] = self.told["seeds"]
            self.data: dict[str, Any] = self.told["data"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FeatsplitError(f"{path}: is no finished run; make one with featsplit run ... --out {path}") from error
        self.path = path

    @property
    def chance(self) -> float:
        """The accuracy of a network that knows nothing: the share of the most frequent class of the test images."""
        return float(self.data.get("chance", 1 / len(self.data["classes"])))

    def claims(self) -> list[Claim]:
        """The paper's statements, as far as the run measured them; of planted data what theory knows besides."""
        source, adversary = self.experiment.data.source, self.experiment.train.adversarial.adversary
        known: list[str] = []
        if is_planted(source) and adversary is not None:
            known = known_sets(planted_from(source), adversary, self.experiment.perturb)
        return claims(self.rows, chance=self.chance, known=known)

    def set_file(self, name: str, seed: int) -> Path:
        """The derived set `name` of `seed`."""
        return self.path / f"seed{seed}" / "sets" / f"{name}.h5"


def summary(out: Path) -> str:
    """The run in `out` for a terminal of 80 columns: its two tables, and the verdict on each of the statements."""
    run = Run(out)
    found = run.claims()
    tables = [accuracy_table(run.rows, show=Interval.short), control_table(run.rows, show=Interval.short)]
    how = "± is how far a 95 % interval reaches; in brackets are those of differences."
    return "\n" + "\n\n".join([*map(as_text, tables), how, *verdicts_as_text(found)]) + "\n"


def write_report(out: Path) -> None:
    """Write `out`/report.html and `out`/report.md of the finished run in `out`, from its files alone."""
    run = Run(out)
    markup.write_page(blocks_of(run), out)


def blocks_of(run: Run) -> list[Block]:
    """The page of a run."""
    found = run.claims()
    return [
        Heading(f"featsplit run {run.experiment.name}", 1),
        Text(_setting(run)),
        *(Text(note) for note in notes(run.experiment)),
        Plot("learned", plots.learned(run.rows, eps=telling_eps(run.rows), chance=run.chance), LEARNED),
        Heading("What the paper says, and what holds here"),
        Text(f"{counted(found)} {VERDICTS}"),
        Table(claims_table(found)),
        Heading("Accuracy on the original test set (Tables 1 and 7)"),
        Table(accuracy_table(run.rows)),
        Heading("The control"),
        Text(CONTROL),
        Table(control_table(run.rows)),
        *_further(run),
        *discussion(run.rows),
        Heading("How the sets came out"),
        *(Table(cells) for cells in construction_tables(run)),
        Table(reading_table(run.rows)),
        *set_warnings(run),
        *_published(run),
        Heading("The images"),
        *(block for name in TITLES for block in _grid(run, name)),
        *_again(run),
    ]


LEARNED = (
    "What a normally trained network learns from each set. In the paper D_R makes it robust, D_NR does not, and D_rand "
    "and D_det, whose labels look wrong to people, teach it to classify the true test images."
)


def _setting(run: Run) -> str:
    """What was run, in a sentence or two."""
    shape = " x ".join(map(str, run.data["shape"]))
    several = f"seed {run.seeds[0]}"
    if len(run.seeds) > 1:
        several = f"seeds {', '.join(map(str, run.seeds))}, of which the means are shown"
    return (
        f"{run.data['name']}: {run.data['train']} training and {run.data['test']} test images of {shape}, "
        f"{len(run.data['classes'])} classes; network {run.experiment.model.arch}; {several}. In brackets are 95 % "
        "intervals, after ± the standard deviation over seeds, and n is the number of images. After Ilyas et al. 2019, "
        "arXiv:1905.02175."
    )


def _further(run: Run) -> list[Block]:
    """The parts of the experiment that were measured, a section each."""
    rows, blocks = run.rows, list[Block]()
    if picked(rows, part="planted"):
        blocks += [Heading("What each set keeps of the planted components"), Text(PLANTED), Table(planted_table(rows))]
    if picked(rows, part="control"):
        blocks += [Heading("Made with the robust network instead (Tables 9 and 10)"), Table(source_table(rows))]
    if picked(rows, part="splits"):
        blocks += [Heading("D_R's network on D_R itself (Table 8)"), Table(splits_table(rows))]
    if picked(rows, part="architectures"):
        says = "Each architecture trained on D_det, and fooled by adversarial examples of the network behind D_det."
        blocks += [Heading("Architectures and transfer (Figures 3 and 13)"), Table(architecture_table(rows))]
        blocks += [Plot("architectures", plots.by_architecture(rows), says)]
    if picked(rows, part="autoattack"):
        count = max(row["n"] for row in picked(rows, part="autoattack"))
        blocks += [Heading("Under AutoAttack"), Text(f"On {count} of the test images, PGD beside it on the same ones.")]
        blocks += [Table(accuracy_table(rows, parts=("autoattack",)))]
    if picked(rows, part="steps"):
        says = "The step size is searched for each number of steps; bands are 95 % intervals."
        blocks += [Heading("By the number of PGD steps (Figure 8)"), Plot("steps", plots.by_steps(rows), says)]
        blocks += [Table(steps_table(rows))]
    if picked(rows, part="epochs"):
        says = "Accuracy by epoch on the perturbed set, as augmented in training, and on the original test set."
        blocks += [Heading("By epoch (Figure 10)"), Plot("epochs", plots.by_epoch(rows), says)]
    return blocks


def construction_tables(run: Run) -> list[Cells]:
    """The files' summaries over seeds: one table for the matched sets, one for the perturbed ones."""
    tables = []
    for method in ("match", "perturb"):
        own = sets_of(run.experiment)
        names = [name for name in TITLES if name in own and own[name].method == method]
        found = {name: [read_set_metadata(run.set_file(name, seed)).summary for seed in run.seeds] for name in names}
        figures = list(found[names[0]][0])
        head = ["set", *(figure.replace("_", " ") for figure in figures)]
        lines = [
            [NAMES[name, "standard"], *(spread([one[f] for one in own]) if f in own[0] else "" for f in figures)]
            for name, own in found.items()
        ]
        tables.append([head, *lines])
    return tables


def _published(run: Run) -> list[Block]:
    """Every number of the paper, beside the run's."""
    why, lines = differences(run.experiment), []
    for number, found, verdict in compared(run.rows, run.experiment):
        band = f"{100 * number.low:.1f} to {100 * number.high:.1f}"
        own = "{:.1f} ({:.1f} to {:.1f})".format(*(100 * value for value in found[:3])) if found else ""
        lines.append([number.what, number.table, f"{100 * number.value:.4g}", band, own, verdict])
    reason = f" Here nothing is comparable: {'; '.join(why)}." if why else ""
    head = ["in %", "table", "the paper", "band", "here", "verdict"]
    return [Heading("Beside the published numbers"), Text(BANDS + reason), Table([head, *lines])]


def _grid(run: Run, name: str) -> list[Block]:
    path = f"grids/{name}.png"
    if not (run.path / path).is_file():
        return []
    return [Heading(TITLES[name], 3), Picture(path, f"{name}, seed {run.seeds[0]}: examples spread over the set")]


def _again(run: Run) -> list[Block]:
    """Everything that is needed to make the run again, and how long it took."""
    versions = ", ".join(f"{name} {version}" for name, version in run.told["versions"].items())
    blocks: list[Block] = [
        Heading("To make it again"),
        *_commands(run),
        Text(
            f"{run.told['date']}; {versions}. Digest of the data: {run.data['digest']}. Every number above is in"
            " rows.json, or in the summaries that the files in sets/ carry (featsplit info FILE)."
        ),
        Heading("Settings", 3),
        Code(json.dumps(run.told["settings"], indent=1)),
    ]
    times = _times(run)
    return [*blocks, Heading("Times", 3), Table(times)] if len(times) > 1 else blocks


def _commands(run: Run) -> list[Block]:
    """The command that makes the run again from its own settings.toml, and the one that it was made by."""
    made, again = run.told["command"], run.told.get("again")
    if again is None:  # of a version that left no settings.toml
        return [Code(made)]
    return [Code(again), Text("settings.toml, beside this page, has every setting. It was made by"), Code(made)]


def _times(run: Run) -> Cells:
    """Seconds of each stage, the longest time it ran; the stages of a seed may have run side by side."""
    found: dict[str, dict[int, float]] = {}
    for seed in run.seeds:
        path = run.path / f"seed{seed}" / TIMES
        for line in path.read_text().splitlines() if path.is_file() else []:
            told = json.loads(line)
            own = found.setdefault(told["stage"], {})
            own[seed] = max(own.get(seed, 0.0), told["seconds"])
    head = ["stage, seconds", *(f"seed {seed}" for seed in run.seeds)]
    return [head, *([stage, *(f"{own.get(seed, 0):.1f}" for seed in run.seeds)] for stage, own in found.items())]


def comparison(runs: list[Run]) -> list[Block]:
    """Runs side by side: a line for each network and attack, a column for each run; then where settings differ."""
    head = ["trained on", "attack", *(str(run.path) for run in runs)]
    lines: dict[tuple[str, str], list[str]] = {}
    for place, run in enumerate(runs):
        table = accuracy_table(run.rows)
        for name, *cells in table[1:]:
            for attack, cell in zip(table[0][1:], cells, strict=True):
                lines.setdefault((name, attack), [""] * len(runs))[place] = cell
    table = [head, *([*key, *cells] for key, cells in lines.items() if any(cells))]
    settings = [flat(run.told["settings"]) for run in runs]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    apart = [key for key in keys if len({json.dumps(each.get(key)) for each in settings}) > 1]
    other = [["setting", *head[2:]], *([key, *(json.dumps(each.get(key)) for each in settings)] for key in apart)]
    differ: list[Block] = [Heading("Where their settings differ"), Table(other)] if apart else []
    return [Heading("Runs side by side", 1), Table(table), *differ]
