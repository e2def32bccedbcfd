"""Transfer: train each architecture on each set, test it on the original test set and on every test-split set.

The matrix says what each set is worth to each architecture (arXiv:1905.02175, section 3.2 and Figure 3).
"""

from pathlib import Path

import torch

from featsplit.data.images import ImageData
from featsplit.data.places import elsewhere_of
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError
from featsplit.evaluation import Attack, Row, evaluate
from featsplit.experiment.stages import Say, train_to_file
from featsplit.metadata.sets import read_set_metadata
from featsplit.models.build import ModelSpec, build
from featsplit.models.checkpoints import load_model
from featsplit.runtime import Precision
from featsplit.training import Recipe


def transfer_rows(
    sets: list[str],
    specs: list[ModelSpec],
    recipe: Recipe,
    attacks: list[Attack],
    *,
    seeds: list[int],
    out: Path,
    root: Path | None,
    download: bool,
    elsewhere: str | None = None,
    device: torch.device,
    precision: Precision,
    say: Say,
) -> list[Row]:
    """A row for each training set, architecture, seed, test set and attack; the models are kept in `out`/models.

    `elsewhere` is where the source of those that are derived lies now.
    Raises FeatsplitError where a set cannot be opened or no set is of a train split.
    """
    loaded = {
        name: load_data(DataSpec(name), root=root, download=download, elsewhere=elsewhere_of(name, elsewhere, sets))
        for name in sets
    }
    tests = {name: data for name, data in loaded.items() if _of_test_split(name)}
    trains = {name: data for name, data in loaded.items() if name not in tests}
    if not trains:
        raise FeatsplitError(f"{', '.join(sets)}: all are of a test split; give a set to train on")
    for name, data in trains.items():  # before any training
        for spec in specs:
            model = build(spec, shape=data.shape, classes=len(data.classes))
            for test_set, test in tests.items():
                model.expect(f"{test_set}, to test what {name} is worth", shape=test.shape, classes=len(test.classes))
    rows = []
    for name, data in trains.items():
        for spec in specs:
            for seed in seeds:
                path = out / "models" / f"{_slug(name)}-{_slug(spec.arch)}-{data.digest[:8]}-{seed}.safetensors"
                train_to_file(path, data, spec, recipe, seed=seed, device=device, precision=precision, overwrite=True)
                about = {"train_set": name, "training": "standard", "architecture": spec.arch}
                found = _tested(path, spec, data, tests, attacks, seed=seed, device=device, precision=precision)
                rows += [{**about, **row} for row in found]
                say(f"{name}  {spec.arch}  seed {seed}  clean {found[0]['accuracy']:.3f}")
    return rows


def _tested(
    path: Path,
    spec: ModelSpec,
    data: ImageData,
    tests: dict[str, ImageData],
    attacks: list[Attack],
    *,
    seed: int,
    device: torch.device,
    precision: Precision,
) -> list[Row]:
    model = load_model(path, factory=spec.arch)
    rows = []
    for test_set, split in {"source": data.test, **{name: test.test for name, test in tests.items()}}.items():
        found = evaluate(model, split, attacks, seed=seed, device=device, precision=precision)
        rows += [{"test_set": test_set, **row} for row in found]
    return rows


def _of_test_split(name: str) -> bool:
    return name.endswith(".h5") and read_set_metadata(Path(name)).spec.split == "test"


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
