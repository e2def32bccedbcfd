"""From a few words to a data set: a source, then the options that fit every source.

    source -> check -> classes -> holdout -> limit -> resize

A source is bundled (`digits`), one of torchvision's, made up (`planted`), a folder of images, a .npz file, one of
Hugging Face's, the user's ImageNet, or a derived data set (.h5). Nothing is downloaded unless asked for. torchvision,
scikit-learn and datasets are imported only when a source needs them.
"""

from dataclasses import replace
from pathlib import Path

import torch

from featsplit.data.arrays import load_npz
from featsplit.data.decoding import decoded
from featsplit.data.derived import load_split
from featsplit.data.folders import in_folders
from featsplit.data.hf import load_hf
from featsplit.data.imagenet import load_imagenet
from featsplit.data.images import ImageData, Split, check
from featsplit.data.places import absolute, is_derived, path_of, suggested
from featsplit.data.planted import load_planted
from featsplit.data.selection import hold_out, keep_classes, limit_split, resize_split
from featsplit.data.shared import digests_of, warn_of_shared
from featsplit.data.stored import cache_folder, data_root, load_digits, load_stored
from featsplit.errors import FeatsplitError, unknown, warn
from featsplit.metadata.sets import NOT_TOLD, read_set_metadata
from featsplit.records.data import HUB, IMAGENET, RESTRICTED, SOURCES, STORED, is_planted
from featsplit.records.data import DataSpec as DataSpec
from featsplit.records.data import describe as describe
from featsplit.records.data import spec_from as spec_from


def load_data(
    spec: DataSpec,
    *,
    root: str | Path | None = None,
    download: bool = False,
    elsewhere: str | None = None,
    test: bool = True,
) -> ImageData:
    """The data set that `spec` describes, on the CPU; its name is `spec.source`, its origin all of `spec`.

    It is held in memory, but for ImageNet, whole or restricted, and large derived sets: those are mapped from a file,
    unless an option takes a part of their images out. `root` is where torchvision's data sets lie (see `data_root`), in
    torchvision's layout; `download` fetches one that is absent. Of a derived set alone: `elsewhere` is where its source
    lies now (see `load_source`), and without `test` the test split is empty, and the source is not even opened.
    Raises FeatsplitError where the source is unknown, absent or damaged, or an option does not fit it.
    """
    spec.check()
    _check_derived(spec, elsewhere, test=test)
    opened = _load_source(spec, root, elsewhere, download=download, test=test)
    test = test and not (spec.holdout and not len(opened.test))  # a source may have none where they are held out
    data = check(replace(opened, name=spec.source), test=test)
    if spec.source.startswith("npz:") and not spec.holdout:
        warn_of_shared(data.name, digests_of(data.train), digests_of(data.test))
    if spec.classes is not None:
        data = check(keep_classes(data, spec.classes), test=test)
    _warn_of_empty_classes(data)
    if spec.holdout:
        data = hold_out(data, spec.holdout, seed=spec.seed)
    train = _selected(data.train, spec.limit, "data.limit", data=data, spec=spec)
    kept = _selected(data.test, spec.limit_test, "data.limit_test", data=data, spec=spec)
    named = replace(spec, source=absolute(spec.source), classes=None if spec.classes is None else data.classes)
    return replace(data, train=train, test=kept, origin=describe(named))


def load_source(
    path: Path, *, root: str | Path | None = None, download: bool = False, elsewhere: str | None = None
) -> ImageData:
    """The data set that the file at `path` was made of, opened again as the file says, or from `elsewhere` instead.

    Wherever it lies it must have the digest that the file tells; an imported file may tell none. `elsewhere` is a
    source as in DataSpec, which takes the place of the file's; how much is kept of it, and of which size, is as the
    file says. Where the file was made of another derived set, one that is none takes the place of that set's source.
    """
    metadata = read_set_metadata(path).spec
    if not metadata.source:
        raise FeatsplitError(f"{path}: its source was in memory only; read it with featsplit.open_dataset")
    spec, further = _placed(path, spec_from(metadata.source), elsewhere)
    source = load_data(spec, root=root, download=download, elsewhere=further)
    if metadata.source_digest in (source.digest, NOT_TOLD):
        return source
    if elsewhere is None:
        cure = "restore it, name another place by --source, or build the set again"
        raise FeatsplitError(f'{path}: its source "{source.name}" has changed since; {cure}')
    was, now = metadata.source_digest[:8], source.digest[:8]
    raise FeatsplitError(
        f"--source {elsewhere}: has digest {now} ..., and {path} was made of {was} ...: its images, their order or its "
        "class names are others (size and limits are as the file says)"
    )


def _placed(path: Path, spec: DataSpec, elsewhere: str | None) -> tuple[DataSpec, str | None]:
    """The source of the file at `path`, and where the source of that one lies now, if it is a derived set itself."""
    if elsewhere is not None:
        through = is_derived(spec.source) and not is_derived(elsewhere)
        return (spec, elsewhere) if through else (replace(spec, source=elsewhere), None)
    place = path_of(spec.source)
    if place is not None and not place.exists():
        raise FeatsplitError(
            f'{path}: its source "{spec.source}" is not there; say by --source SRC where it lies now '
            "(train --no-test needs none)"
        )
    return spec, None


def load_derived(
    path: Path,
    *,
    root: str | Path | None = None,
    download: bool = False,
    elsewhere: str | None = None,
    test: bool = True,
) -> ImageData:
    """A derived set as a data set: its images and labels for the split it was made of, its source's for the other.

    `elsewhere` is as in `load_source`. Without `test` the source is not opened, and the test split is empty; raises
    FeatsplitError where the file is of the test split, so that there would be nothing to train on.
    """
    metadata = read_set_metadata(path).spec
    if not test:
        if metadata.split != "train":
            raise FeatsplitError(f"{path}: is of the test split: without its source there is nothing to train on")
        split = _said(path)
        nothing = Split(torch.empty((0, *split.images.shape[1:]), dtype=split.images.dtype), split.labels[:0])
        return ImageData(str(path), metadata.classes, split, nothing)
    source = load_source(path, root=root, download=download, elsewhere=elsewhere)
    split = _said(path)
    train, tested = (split, source.test) if metadata.split == "train" else (source.train, split)
    return check(ImageData(str(path), source.classes, train, tested))


def _said(path: Path) -> Split:
    """The images and labels of the file at `path`, which says what is wrong with them."""
    for warning in read_set_metadata(path).warnings or ():
        warn(f"{path}: {warning}")
    return load_split(path)


def _check_derived(spec: DataSpec, elsewhere: str | None, *, test: bool) -> None:
    """What is for a derived set alone, whose test images are another's."""
    if not is_derived(spec.source):
        if elsewhere is not None:
            raise FeatsplitError(
                f'--source {elsewhere}: is where a derived set (FILE.h5) came from, not "{spec.source}"'
            )
        if not test:
            raise FeatsplitError(f'--no-test: is for a derived set (FILE.h5); "{spec.source}" has its own test images')
    elif not test and elsewhere is not None:
        raise FeatsplitError(f"--source {elsewhere}: is not read with --no-test; give one of the two")
    elif not test and spec.limit_test is not None and not spec.holdout:
        raise FeatsplitError(f"data.limit_test = {spec.limit_test}: there are no test images with --no-test")


def _load_source(
    spec: DataSpec, root: str | Path | None, elsewhere: str | None, *, download: bool, test: bool
) -> ImageData:
    if spec.source == "digits":
        return load_digits()
    if spec.source in STORED:
        return load_stored(spec.source, data_root(root), download=download)
    if is_planted(spec.source):
        return load_planted(spec.source)
    holdout = bool(spec.holdout)
    if spec.source.startswith("folder:"):
        images = in_folders(spec.source, holdout=holdout)
        return decoded(images, resize=spec.resize, mode=spec.resize_mode, compare=not holdout)
    if spec.source.startswith("npz:"):
        return load_npz(spec.source, holdout=holdout)
    if spec.source.startswith(HUB):
        return load_hf(spec.source, resize=spec.resize, mode=spec.resize_mode, holdout=holdout, download=download)
    if spec.source.startswith((IMAGENET, RESTRICTED)):
        return load_imagenet(spec.source, resize=spec.resize, cache=cache_folder(root))
    if is_derived(spec.source):
        return load_derived(Path(spec.source), root=root, download=download, elsewhere=elsewhere, test=test)
    if hint := suggested(spec.source):
        raise FeatsplitError(f'data.source = "{spec.source}": is no source by itself; did you mean "{hint}"?')
    raise unknown("data.source", spec.source, SOURCES)


def _warn_of_empty_classes(data: ImageData) -> None:
    """Say which classes of the user's arrays and tables have no image to train on; folders with such are refused."""
    if not data.name.startswith(("npz:", HUB)):
        return
    counts = torch.bincount(data.train.labels, minlength=len(data.classes)).tolist()
    if empty := [name for name, count in zip(data.classes, counts, strict=True) if not count]:
        verb = "has" if len(empty) == 1 else "have"
        rule = f"{len(empty)} of {len(data.classes)} classes {verb} no image to train on (first: {empty[0]})"
        warn(f"{data.name}: {rule}; leave them out by --classes")


def _selected(split: Split, limit: int | None, place: str, *, data: ImageData, spec: DataSpec) -> Split:
    if limit is not None:
        split = limit_split(split, limit, classes=len(data.classes), seed=spec.seed, place=place)
    return split if spec.resize is None else resize_split(split, spec.resize, spec.resize_mode)
