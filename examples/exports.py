"""A derived set in every format, each read back by its own library and compared with the set.

    python examples/exports.py FOLDER

A network is trained on some of the digits, D_rand is made with it, and exported; a line tells of each what was read
and that it is the set. Half a minute on a CPU. Needs the extra `hf`, and `pip install webdataset mlcroissant`.
"""

import sys
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import numpy as np
import torch
import webdataset
from torchvision.datasets import ImageFolder

import featsplit as fs

ROWS = 60
PERTURB = fs.Perturb(targets="random", norm="l2", eps=1.5, steps=10, step_size=0.3)


def build(folder: Path) -> Path:
    """D_rand of `ROWS` digits, stored as float32, with a control."""
    data = fs.load_data(fs.DataSpec("digits", limit=ROWS, limit_test=30))
    networks = []
    for name, adversary in (("standard", None), ("robust", fs.Adversary("pgd", "l2", eps=0.5, steps=2))):
        path = folder / f"{name}.safetensors"
        fs.ensure_trained(path, data, fs.ModelSpec("linear"), fs.Recipe(epochs=20, adversary=adversary), seed=0)
        networks.append(fs.load_model(path))
    standard, robust = networks
    fs.build_perturb(folder / "D_rand.h5", standard, data, PERTURB, control=robust, build=fs.Build(name="rand"))
    return folder / "D_rand.h5"


def read_folder(out: Path) -> tuple[Any, Any]:
    """Images, of 8 bits, and labels, as torchvision reads them, in the order of the rows."""
    found = sorted(ImageFolder(out / "train").samples, key=lambda sample: Path(sample[0]).name)
    images = np.stack([np.asarray(ImageFolder(out / "train").loader(path)) for path, _ in found])
    return images[..., :1].transpose(0, 3, 1, 2) / 255, [label for _, label in found]


def read_croissant(out: Path) -> tuple[Any, Any]:
    """The same, as mlcroissant reads it by the croissant.json."""
    records = mlcroissant.Dataset(out / "croissant.json").records("records")
    found = sorted(records, key=lambda record: str(record["records/file_name"]).rpartition("/")[2])
    images = np.stack([np.asarray(record["records/image"])[..., :1] for record in found])
    return images.transpose(0, 3, 1, 2) / 255, [record["records/labels"] for record in found]


def read_npz(out: Path) -> tuple[Any, Any]:
    """Images and labels, as numpy reads them."""
    found = np.load(out)
    return found["x_train"], found["y_train"]


def read_hf(out: Path) -> tuple[Any, Any]:
    """Images and labels, as Hugging Face reads them."""
    found = datasets.load_from_disk(str(out)).with_format("numpy")
    return found["image"][:], found["labels"][:]


def read_webdataset(out: Path) -> tuple[Any, Any]:
    """Images and labels, as the webdataset library reads them."""
    tars = sorted(map(str, out.glob("*.tar")))
    rows = list(webdataset.WebDataset(tars, shardshuffle=False, empty_check=False).decode().to_tuple("npy", "cls"))
    return np.stack([image for image, _ in rows]), [label for _, label in rows]


def read_madrylab(out: Path) -> tuple[Any, Any]:
    """Images and labels, by the two lines of the authors' README."""
    return torch.cat(torch.load(out / "CIFAR_ims")), torch.cat(torch.load(out / "CIFAR_lab"))


READERS = {
    "folder": [("torchvision", read_folder), ("mlcroissant", read_croissant)],
    "npz": [("numpy", read_npz)],
    "hf": [("datasets", read_hf)],
    "webdataset": [("webdataset", read_webdataset)],
    "madrylab": [("torch", read_madrylab)],
}


def main(folder: Path) -> list[str]:
    """Make the set and its exports in `folder`; return, and print, a line for each way of reading one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    path, lines = build(folder), []
    derived = fs.open_dataset(path)
    images = torch.stack([derived[row][0] for row in range(len(derived))]).numpy()
    labels = derived.columns["labels"].numpy()
    for name in fs.FORMATS:
        out = folder / f"D_rand-{name}{'.npz' if name == 'npz' else ''}"
        count, kept = fs.export(path, out, fs.Export(name, license="BSD-3-Clause", creator="the example"))
        for library, read in READERS[name]:
            found, found_labels = read(out)
            assert np.array_equal(found_labels, labels), f"{library}: labels"
            change = float(np.abs(np.asarray(found) - images).max())
            assert change <= (0.5 / 255 + 1e-6 if name == "folder" else 0), f"{library}: pixels"
            lines.append(f"{name}: {count} images read by {library}, largest change {255 * change:.2f}/255; {kept}")
    print("\n".join(lines))
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
