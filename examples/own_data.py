"""Your own data, whatever shape they lie in: a .npz file as MedMNIST has them, and a folder of Hugging Face's.

    python examples/own_data.py FOLDER

Both are made here of scikit-learn's digits, and each goes all the way: two source networks, D_R and D_rand, a normally
trained network on each, its accuracy on the test images. Half a minute on one core; `pip install "featsplit[hf]"`.
"""

import sys
from pathlib import Path

import datasets
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import featsplit as fs

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPLITS = {"train": slice(0, 700), "val": slice(700, 800), "test": slice(800, 1100)}
SPEC = fs.ModelSpec("resnet8", width=8, stages=2)
STANDARD = fs.Recipe(epochs=15, batch_size=50, lr=0.1, nesterov=True, schedule="one-cycle", weight_decay=0.005)
ADVERSARIAL = fs.Recipe(
    epochs=15,
    batch_size=50,
    lr=0.1,
    nesterov=True,
    schedule="one-cycle",
    adversary=fs.Adversary("pgd", "l2", eps=1.0, steps=3),
)
RAND = fs.Perturb(targets="random", norm="l2", eps=1.5, steps=20, step_size=0.2)
ATTACKS = [fs.Attack(), fs.Attack("pgd", "l2", eps=0.5, steps=10)]


def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images, (N, 8, 8), and the labels, (N,)."""
    found = load_digits()
    return (found.images * 255 / 16).round().astype(np.uint8), found.target.astype(np.uint8)


def write_npz(path: Path) -> str:
    """The source that is written to `path` with the six arrays of MedMNIST; labels are (N, 1), and have no names."""
    images, labels = digits()
    arrays = {f"{split}_images": images[rows] for split, rows in SPLITS.items()}
    arrays |= {f"{split}_labels": labels[rows, None] for split, rows in SPLITS.items()}
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return f"npz:{path}"


def write_hf(folder: Path) -> str:
    """The source that is written to `folder` by save_to_disk: encoded images, labels with names, train and test."""
    images, labels = digits()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    splits = {
        split: datasets.Dataset.from_dict({"image": list(images[rows]), "label": labels[rows]}, features=features)
        for split, rows in SPLITS.items()
        if split != "val"
    }
    datasets.DatasetDict(splits).save_to_disk(str(folder))
    return f"hf:{folder}"


def end_to_end(source: str, folder: Path) -> list[fs.Row]:
    """What networks learn of the data themselves, of D_R and of D_rand; models and sets go to `folder`."""
    data = fs.load_data(fs.DataSpec(source))
    networks = {"standard": STANDARD, "adversarial": ADVERSARIAL}
    sets = {name: folder / f"{name}.h5" for name in ("robust", "rand")}
    for name, recipe in networks.items():
        fs.ensure_trained(folder / f"{name}.safetensors", data, SPEC, recipe, seed=0)
    fs.build_match(sets["robust"], fs.load_model(folder / "adversarial.safetensors"), data, fs.Match(steps=20))
    fs.build_perturb(sets["rand"], fs.load_model(folder / "standard.safetensors"), data, RAND)
    for name, path in sets.items():
        derived = fs.load_data(fs.DataSpec(str(path)))  # its own training images, the source's test images
        fs.ensure_trained(folder / f"on_{name}.safetensors", derived, SPEC, STANDARD, seed=0)
    rows: list[fs.Row] = []
    for name in (*networks, *(f"on_{name}" for name in sets)):
        of: fs.Row = {"train_set": name, "test_set": source}
        found = fs.evaluate(fs.load_model(folder / f"{name}.safetensors"), data.test, ATTACKS)
        rows += [{**of, **row} for row in found]
    return rows


def main(folder: Path) -> dict[str, list[fs.Row]]:
    """Write both sources into `folder`, and go all the way with each."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {"npz": write_npz(folder / "digits.npz"), "hf": write_hf(folder / "digits_hf")}
    found = {kind: end_to_end(source, folder / kind) for kind, source in sources.items()}
    for rows in found.values():
        table = [[row["train_set"], row["attack"], f"{row['accuracy']:.3f}"] for row in rows]
        print(rows[0]["test_set"], fs.as_text([["network", "attack", "accuracy"], *table]), sep="\n", end="\n\n")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
