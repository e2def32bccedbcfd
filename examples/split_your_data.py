"""The whole experiment in Python: split a data set into robust and non-robust features, and see what each is worth.

    python examples/split_your_data.py SOURCE FOLDER          (SOURCE: digits, folder:PATH, npz:PATH ...)

Two networks, four derived sets, a normally trained network on each, their accuracy, a page: what `featsplit run` does,
here from public names alone, to be changed at will. On the digits a minute or two on a CPU.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

import featsplit as fs

MACHINE = fs.Machine("cuda" if torch.cuda.is_available() else "cpu")
SPEC = fs.ModelSpec("resnet8", width=16, stages=2)
STANDARD = fs.Recipe(epochs=30, lr=0.1, nesterov=True, schedule="one-cycle", weight_decay=0.005)
ADVERSARIAL = fs.Recipe(
    epochs=30, lr=0.1, nesterov=True, schedule="one-cycle", adversary=fs.Adversary("pgd", "l2", eps=1.0, steps=3)
)
ATTACKS = [fs.Attack(), fs.Attack("pgd", "l2", eps=0.5, steps=10)]
RAND = fs.Perturb(targets="random", norm="l2", eps=1.5, steps=30, step_size=0.2)
BUILD = fs.Build(machine=MACHINE)
DET = replace(RAND, targets="next")


def trained(path: Path, data: fs.ImageData, recipe: fs.Recipe) -> fs.Classifier:
    """A network trained on `data` and kept at `path`; one that is there already is taken up."""
    fs.ensure_trained(path, data, SPEC, recipe, seed=0, machine=MACHINE)
    return fs.load_model(path)


def build_sets(folder: Path, data: fs.ImageData, standard: fs.Classifier, robust: fs.Classifier) -> dict[str, Path]:
    """The files of D_R, D_NR, D_rand and D_det, by their names."""
    sets = {name: folder / f"{name}.h5" for name in ("robust", "nonrobust", "rand", "det")}
    fs.build_match(sets["robust"], robust, data, fs.Match(steps=30), build=BUILD)
    fs.build_match(sets["nonrobust"], standard, data, fs.Match(steps=30), build=BUILD)
    fs.build_perturb(sets["rand"], standard, data, RAND, control=robust, build=BUILD)
    fs.build_perturb(sets["det"], standard, data, DET, control=robust, build=BUILD)
    return sets


def main(source: str, folder: Path, limit: int | None = None) -> list[fs.Row]:
    """Split the data `source`, or `limit` of its training images; files, rows and the page go to `folder`."""
    data = fs.load_data(fs.DataSpec(source, limit=limit))
    standard = trained(folder / "standard.safetensors", data, STANDARD)
    robust = trained(folder / "adversarial.safetensors", data, ADVERSARIAL)
    networks = {("source", "standard"): standard, ("source", "adversarial"): robust}
    for name, path in build_sets(folder, data, standard, robust).items():
        derived = fs.load_data(fs.DataSpec(str(path)))  # its own training images, the source's test images
        networks[name, "standard"] = trained(folder / f"{name}.safetensors", derived, STANDARD)
    rows: list[fs.Row] = []
    for (train_set, training), network in networks.items():
        of: fs.Row = {"experiment": "main", "train_set": train_set, "training": training, "test_set": "source"}
        rows += [{**of, **row} for row in fs.evaluate(network, data.test, ATTACKS, machine=MACHINE)]
    table = fs.accuracy_table(rows)
    fs.write_page([fs.Heading(f"The features of {data.name}", 1), fs.Table(table)], folder)
    print(fs.as_text(table))
    return rows


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
