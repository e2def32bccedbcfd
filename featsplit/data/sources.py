"""From a few words to a data set: a source, then the options that fit every source.

    source -> check -> classes -> holdout -> limit -> resize

A source is bundled (`digits`), one of torchvision's, made up (`planted`), a folder of images, a .npz file, the user's
ImageNet, or a derived data set (.h5).
Nothing is downloaded unless asked for. torchvision and scikit-learn are imported only when a source needs them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from featsplit.data.arrays import load_npz
from featsplit.data.derived import load_split
from featsplit.data.folders import load_folder
from featsplit.data.imagenet import PREFIX, load_restricted
from featsplit.data.images import ImageData, Split, check
from featsplit.data.planted import NAME, is_planted, load_planted
from featsplit.data.selection import RESIZE_MODES, ResizeMode, hold_out, keep_classes, limit_split, resize_split
from featsplit.data.shared import pixel_digest, warn_of_shared
from featsplit.data.stored import STORED, cache_folder, data_root, load_digits, load_stored
from featsplit.errors import FeatsplitError, unknown
from featsplit.stories import NOT_TOLD, read_spec

SOURCES = ("digits", *STORED, NAME, "folder:PATH", "npz:PATH", f"{PREFIX}PATH", "FILE.h5")


@dataclass(frozen=True)
class DataSpec:
    """Which images: a source (`digits`, `cifar10`, `folder:PATH`, `npz:PATH`, `FILE.h5` ...) and what to keep of it.

    `classes` keeps these, in this order; `holdout` puts that fraction of the train split in the place of the test
    split, to choose settings without looking at the test images; `limit` and `limit_test` are numbers of images;
    `resize` is a side in pixels, and `resize_mode` ("squeeze" or "crop") says how an image is made square. `seed`
    decides which images `holdout` and the limits take.
    """

    source: str
    resize: int | None = None
    limit: int | None = None
    limit_test: int | None = None
    classes: tuple[str, ...] | None = None
    holdout: float = 0.0
    seed: int = 0
    resize_mode: ResizeMode = "squeeze"


def load_data(spec: DataSpec, *, root: str | Path | None = None, download: bool = False) -> ImageData:
    """The data set that `spec` describes, on the CPU; its name is `spec.source`, its origin all of `spec`.

    It is held in memory, but for Restricted ImageNet and large derived sets: those are mapped from a file, unless an
    option takes a part of their images out. `root` is where torchvision's data sets lie (see `data_root`), in
    torchvision's layout; `download` fetches one that is absent. Raises FeatsplitError where the source is unknown,
    absent or damaged, or an option does not fit it.
    """
    _check_spec(spec)
    data = check(replace(_load_source(spec, root=root, download=download), name=spec.source))
    if spec.source.startswith("npz:") and not spec.holdout:
        first, second = ([pixel_digest(image) for image in split.images] for split in (data.train, data.test))
        warn_of_shared(spec.source, first, second)
    if spec.classes is not None:
        data = check(keep_classes(data, spec.classes))
    if spec.holdout:
        data = hold_out(data, spec.holdout, seed=spec.seed)
    train = _selected(data.train, spec.limit, "data.limit", data=data, spec=spec)
    test = _selected(data.test, spec.limit_test, "data.limit_test", data=data, spec=spec)
    return replace(data, train=train, test=test, origin=describe(spec))


def load_source(path: Path, *, root: str | Path | None = None, download: bool = False) -> ImageData:
    """The data set that the file at `path` was made of, opened again as the file says.

    It must have the digest that the file tells; an imported file may tell none.
    """
    spec = read_spec(path).spec
    if not spec["source"]:
        raise FeatsplitError(f"{path}: its source was in memory only; read it with featsplit.open_dataset")
    source = load_data(spec_from(spec["source"]), root=root, download=download)
    if spec["source_digest"] not in (source.digest, NOT_TOLD):
        raise FeatsplitError(f'{path}: its source "{source.name}" has changed since; restore it or build the set again')
    return source


def load_derived(path: Path, *, root: str | Path | None = None, download: bool = False) -> ImageData:
    """A derived set as a data set: its images and labels for the split it was made of, its source's for the other."""
    source = load_source(path, root=root, download=download)
    split = load_split(path)
    train, test = (split, source.test) if read_spec(path).spec["split"] == "train" else (source.train, split)
    return check(ImageData(str(path), source.classes, train, test))


def describe(spec: DataSpec) -> dict[str, object]:
    """`spec` as plain data for TOML and JSON; `spec_from` reads it back.

    `resize_mode` is in it only where it is not the usual one: the description of files of before is still theirs.
    """
    told = {**asdict(spec), "classes": list(spec.classes) if spec.classes is not None else None}
    return {name: value for name, value in told.items() if (name, value) != ("resize_mode", "squeeze")}


def spec_from(description: Mapping[str, Any]) -> DataSpec:
    """The DataSpec that `describe` turned into `description`; FeatsplitError for a field that there is not."""
    names = [field.name for field in fields(DataSpec)]
    for name in description:
        if name not in names:
            raise unknown("data", name, names)
    classes = description.get("classes")
    return DataSpec(**{**description, "classes": tuple(classes) if classes is not None else None})


def _check_spec(spec: DataSpec) -> None:
    if spec.resize is not None and spec.resize < 1:
        raise FeatsplitError(f"data.resize = {spec.resize}: must be at least 1, the side of the images in pixels")
    if spec.resize_mode not in RESIZE_MODES:
        raise unknown("data.resize_mode", spec.resize_mode, RESIZE_MODES)
    if spec.resize_mode != "squeeze" and spec.resize is None:
        cure = "give --resize N, the side in pixels"
        raise FeatsplitError(
            f'data.resize_mode = "{spec.resize_mode}": says how to resize, and data.resize is not given; {cure}'
        )
    if not 0 <= spec.holdout < 1:
        rule = "must be at least 0 and below 1, the part of the train images to validate on"
        raise FeatsplitError(f"data.holdout = {spec.holdout:g}: {rule}")
    _check_planted(spec)


def _check_planted(spec: DataSpec) -> None:
    """The truth is told by size and class number, so neither may change afterwards."""
    for name, cure in (("resize", "planted:size=N"), ("classes", "planted:classes=N")):
        if is_planted(spec.source) and getattr(spec, name) is not None:
            raise FeatsplitError(f"data.{name}: not for planted data, whose truth it would change; write {cure}")


def _load_source(spec: DataSpec, *, root: str | Path | None, download: bool) -> ImageData:
    if spec.source == "digits":
        return load_digits()
    if spec.source in STORED:
        return load_stored(spec.source, data_root(root), download=download)
    if is_planted(spec.source):
        return load_planted(spec.source)
    if spec.source.startswith("folder:"):
        return load_folder(spec.source, resize=spec.resize, mode=spec.resize_mode, compare=not spec.holdout)
    if spec.source.startswith("npz:"):
        return load_npz(spec.source)
    if spec.source.startswith(PREFIX):
        return load_restricted(spec.source, resize=spec.resize, cache=cache_folder(root))
    if spec.source.endswith(".h5"):
        return load_derived(Path(spec.source), root=root, download=download)
    raise unknown("data.source", spec.source, SOURCES)


def _selected(split: Split, limit: int | None, place: str, *, data: ImageData, spec: DataSpec) -> Split:
    if limit is not None:
        split = limit_split(split, limit, classes=len(data.classes), seed=spec.seed, place=place)
    return split if spec.resize is None else resize_split(split, spec.resize, spec.resize_mode)
