"""Images in folders, one folder a class: in PATH/train and PATH/test (or PATH/val), or in PATH itself."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from featsplit.data.decoding import Collection, Encoded
from featsplit.data.imagefiles import GONE, Broken, Listing, extensions, is_skipped, leads_nowhere, listed, unreadable
from featsplit.data.places import suggested
from featsplit.errors import FeatsplitError
from featsplit.files import expanded

RULE = "it must hold train/ and test/ (or val/), one folder a class"
CUT = "--holdout 0.2 to cut the test images from"


class Folders(NamedTuple):
    """Where the train and the test images lie, a folder a class; `test` is None where they are to be cut from those."""

    train: Path
    test: Path | None


def in_folders(source: str, *, holdout: bool) -> Collection:
    """The images in the folders that `source` = "folder:PATH" names; with `holdout` there need be no test images.

    Its notes say what is left out. Raises FeatsplitError where a folder is missing, empty or does not match.
    """
    place, root = f'data.source = "{source}"', expanded(source.removeprefix("folder:"))
    folders = _folders(root, place, holdout=holdout)
    classes = _class_names(folders.train, place)
    if folders.test is not None:
        _check_same_classes(classes, folders.test, place)
    every = [folder for folder in folders if folder is not None]
    listings = [_listings(folder, classes, place) for folder in every]
    notes = list(_left_out(listings, every, root))
    train, *test = ([*_encoded(of_split)] for of_split in listings)
    broken = [file for listing in chain(*listings) for file in listing.broken]
    return Collection(source, root, classes, train, test[0] if test else None, broken, notes)


def _folders(path: Path, place: str, *, holdout: bool) -> Folders:
    if not path.is_dir():
        raise FeatsplitError(f"{place}: there is no such folder; give one that holds train/ and test/ (or val/)")
    train, within = path / "train", _folder_names(path)
    test = next((path / name for name in ("test", "val") if name in within), None)
    if train.name in within and test is not None:
        return Folders(train, test)
    if train.name in within and (_folder_names(train) or len(within) == 1):
        if not holdout:
            raise FeatsplitError(f"{place}: has no test/ or val/; {RULE}: give {CUT} train/")
        return Folders(train, None)
    if not within or (test is not None and _folder_names(test)):
        kind = suggested(str(path))
        hint = f'; did you mean "{kind}"?' if kind is not None and not kind.startswith("folder:") else ""
        raise FeatsplitError(f"{place}: has no train/; {RULE}{hint}")
    if not holdout:
        named = ", ".join(within[:3]) + (" ..." if len(within) > 3 else "")
        raise FeatsplitError(f"{place}: holds folders ({named}) and no train/ and test/; as classes, give {CUT} them")
    return Folders(path, None)


def _folder_names(path: Path) -> list[str]:
    """The folders in `path`, in order."""
    return sorted(file.name for file in path.iterdir() if file.is_dir() and not is_skipped(file.name))


def _class_names(folder: Path, place: str) -> tuple[str, ...]:
    found = sorted(file for file in folder.iterdir() if not is_skipped(file.name))
    if gone := [Broken(file, GONE) for file in found if leads_nowhere(file)]:
        raise unreadable(gone, place, folder.parent)
    names, called = tuple(file.name for file in found if file.is_dir()), folder.absolute().name
    if not names:
        raise FeatsplitError(f"{place}: {called}/ has no class folders; put the images of each class in its own")
    if len(names) < 2:
        raise FeatsplitError(f"{place}: {called}/ has 1 class, {names[0]}; a classifier needs at least 2")
    return names


def _check_same_classes(classes: tuple[str, ...], test: Path, place: str) -> None:
    found = _class_names(test, place)
    for names, others, part in ((classes, found, f"{test.name}/"), (found, classes, "train/")):
        missing = [name for name in names if name not in others]
        if missing:
            raise FeatsplitError(f"{place}: {part} has no {', '.join(missing)}; both splits must have the same classes")


def _listings(folder: Path, classes: Sequence[str], place: str) -> list[Listing]:
    """What the folder of each class holds."""
    listings = [listed(folder / name) for name in classes]
    for name, listing in zip(classes, listings, strict=True):
        if not listing.images and not listing.broken:
            raise FeatsplitError(
                f"{place}: {folder.absolute().name}/{name}/ has no images; add some, or remove the class"
            )
    return listings


def _encoded(listings: Sequence[Listing]) -> list[Encoded]:
    return [Encoded(path, path, label) for label, listing in enumerate(listings) for path in listing.images]


def _left_out(splits: Sequence[Sequence[Listing]], folders: Sequence[Path], root: Path) -> Iterator[str]:
    """Which files of the classes are no images by their names, and which images are in no class."""
    others = [file for listing in chain(*splits) for file in listing.others]
    if others:
        kinds = Counter(file.suffix.lower() or "without extension" for file in others).most_common()
        named = ", ".join(f"{count} {kind}" for kind, count in kinds[:5]) + (" ..." if len(kinds) > 5 else "")
        count = "1 file in class folders has" if len(others) == 1 else f"{len(others)} files in class folders have"
        what = f"{count} no extension of an image ({named}): left out"
        yield f"{what}; where they are images, save them as .png or .jpg"
    beside = [f for folder in folders for f in sorted(folder.iterdir()) if f.is_file() and not is_skipped(f.name)]
    ends = extensions()
    loose = [str(file.relative_to(root)) for file in beside if file.suffix.lower() in ends]
    if loose:
        count = "1 image lies" if len(loose) == 1 else f"{len(loose)} images lie"
        what = f"{count} in no class folder (first: {loose[0]}): left out"
        yield f"{what}; move each into the folder of its class"
