"""A reader's own photographs: which pairs go onto the sheet, and what the network says of the crops."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from featsplit.data.imagefiles import Unreadable, extensions, picture, reason
from featsplit.data.selection import resized
from featsplit.errors import FeatsplitError
from featsplit.files import write_json
from featsplit.models import read_metadata
from featsplit.studies.kurakin2017.examples import METHODS, examples
from featsplit.studies.kurakin2017.photographs.cases import CASES, drawn, eligible
from featsplit.studies.kurakin2017.photographs.measure import Pairs, drawn_rows
from featsplit.studies.kurakin2017.photographs.sheet import Manifest, Pair, paired, rows_of, write_sheet
from featsplit.studies.kurakin2017.place import Bench
from featsplit.studies.kurakin2017.rows import KurakinRow

EXPERIMENT = "own photographs"
KEPT = "photos.json"
"""The rows of the crops, in the folder of the run, with the key of the network."""


class Crops(NamedTuple):
    """The pairs whose two crops are there, these (P, C, H, W) of 8 bits, and the names of crops that are missing."""

    pairs: Sequence[Pair]
    clean: Tensor
    adversarial: Tensor
    missing: Sequence[str]


def network_key(bench: Bench) -> str:
    """What decided the network that is attacked."""
    return str(read_metadata(bench.worker.folder / bench.place.model_file("source")).key)


def keep(run: Path, network: str, rows: Sequence[KurakinRow]) -> None:
    """Keep the rows of crops in the folder of the run, for its page."""
    write_json(run / KEPT, {"network": network, "rows": rows})


def kept_own(run: Path) -> list[KurakinRow]:
    """The rows of crops that lie in the folder of a run; none where there are none, or they cannot be read."""
    try:
        return list(json.loads((run / KEPT).read_text())["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def print_sheet(bench: Bench, folder: Path, *, count: int) -> list[Path]:
    """Write a sheet with `count` pairs of each method at each eps of "photographs" into `folder`; its pages.

    The pairs are drawn of those that count: predicted rightly when clean, and wrongly when adversarial.
    """
    network, test = bench.network(), bench.test
    clean, chosen = bench.seen(network, test.images, test.labels), []
    for method in METHODS:
        for levels in bench.settings.photographed:
            before = bench.seen(network, examples(bench, method, levels), test.labels)
            sure = eligible("prefiltered", clean, before, gate=bench.settings.gate)
            chosen.append((method, levels, drawn(clean.right & ~before.right, count, seed=bench.seed), sure))
    manifest = Manifest(network_key(bench), bench.seed, paired(chosen))
    if not manifest.pairs:
        raise FeatsplitError(f"{bench.worker.folder}: no adversarial image fools; photograph at a larger eps")
    return write_sheet(folder, manifest, test.images[rows_of(manifest.pairs)], adversarial_of(bench, manifest.pairs))


def adversarial_of(bench: Bench, pairs: Sequence[Pair]) -> Tensor:
    """The adversarial images of `pairs`, (P, C, H, W) of 8 bits."""
    kept = {of: examples(bench, *of) for of in {(pair.method, pair.levels) for pair in pairs}}
    return torch.stack([kept[pair.method, pair.levels][pair.index] for pair in pairs])


def read_crops(folder: Path, manifest: Manifest, shape: tuple[int, int, int]) -> Crops:
    """The crops in `folder`, as the network takes them, (C, H, W) = `shape`; a pair needs both of its own.

    Raises FeatsplitError where there is no whole pair, or a file cannot be read or is called as none of the sheet.
    """
    ends = extensions()
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in ends}
    names = [name for pair in manifest.pairs for name in pair.names]
    for stem, path in files.items():
        if stem not in names and not stem.startswith("page-"):
            raise FeatsplitError(
                f"{path}: is called as no crop of the sheet; name it as is printed below the image: {names[0]}.png"
            )
    there = [pair for pair in manifest.pairs if all(name in files for name in pair.names)]
    if not there:
        raise FeatsplitError(f"{folder}: has no pair of crops; save them there as {names[0]}.png, {names[1]}.png ...")
    clean, adversarial = (torch.stack([_crop(files[pair.names[side]], shape) for pair in there]) for side in (0, 1))
    return Crops(there, clean, adversarial, [name for name in names if name not in files])


def _crop(path: Path, shape: tuple[int, int, int]) -> Tensor:
    try:
        array = np.asarray(picture(path, grey=shape[0] == 1).image)
    except Unreadable as error:
        raise FeatsplitError(f"{path}: cannot be read: {reason(path, error)}; save it again") from error
    image = torch.from_numpy(array.copy()).reshape(*array.shape[:2], -1).permute(2, 0, 1)
    return resized(image[None], shape[1], "crop")[0]


def own_rows(bench: Bench, crops: Crops) -> list[KurakinRow]:
    """The rows of the crops: for each method and eps, of all of its pairs and of the prefiltered ones."""
    network, indices = bench.network(), rows_of(crops.pairs)
    labels = bench.test.labels[indices]
    images = (bench.test.images[indices], adversarial_of(bench, crops.pairs), crops.clean, crops.adversarial)
    pairs = Pairs(*(bench.seen(network, one, labels) for one in images))
    return list(_by_method(bench, crops.pairs, pairs, network.classes))


def _by_method(bench: Bench, pairs: Sequence[Pair], seen: Pairs, classes: int) -> Iterator[KurakinRow]:
    sure = torch.tensor([pair.prefiltered for pair in pairs])
    for method, levels in dict.fromkeys((pair.method, pair.levels) for pair in pairs):
        of = torch.tensor([(pair.method, pair.levels) == (method, levels) for pair in pairs])
        about, among = bench.about(EXPERIMENT, method, levels), {"average": of, "prefiltered": of & sure}
        for case in CASES:
            yield from drawn_rows(about, seen.take(among[case].nonzero()[:, 0]), case=case, classes=classes)
