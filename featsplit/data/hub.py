"""Data sets of Hugging Face, opened as tables: folders of `save_to_disk`, folders of parquet files, names of the hub.

`datasets`, an extra, is imported only here. A name of the hub is taken from its cache, and fetched only where that is
asked for. Nothing that comes with a data set is executed: one that is a script is refused.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from featsplit.data.arrays import MOST, ROOM
from featsplit.data.imagefiles import is_skipped
from featsplit.data.places import SAVED, Hosted, hosted
from featsplit.data.tables import Table
from featsplit.errors import FeatsplitError, warn

ROWS = 64
"""Rows that are in memory at a time."""
NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""What splits are called, in names of files too."""
SPLIT = re.compile(rf"(?:^|[-._ ])({'|'.join(word for words in SPLITS.values() for word in words)})(?=$|[-._ \d])")
EXTRA = 'pip install "featsplit[hf]"'
RULE = "it must be one of save_to_disk, or hold .parquet files"
DAMAGED = ("cannot be read", "write it again")


def tables_of(source: str, *, download: bool) -> dict[str, Table]:
    """The splits of the data set that `source` = "hf:..." names; FeatsplitError where it is absent or damaged.

    With `download` a data set of the hub that is not in the cache is fetched.
    """
    place, host = f'data.source = "{source}"', hosted(source)
    path = host.path
    if path is None:
        return _from_hub(host, place, download=download)
    if not path.is_dir():
        raise FeatsplitError(f"{place}: there is no such folder; {RULE}")
    if host.config:
        raise FeatsplitError(f"{place}: a folder has no configurations; write hf:{host.place}/{host.config}")
    if any((path / name).is_file() for name in SAVED):
        with _library(place) as library, _refusing(place, *DAMAGED):
            _check_not_empty(path, place)
            return _of_datasets(library.load_from_disk(str(path)), place)
    return _from_parquet(path, source, place)


def split_called(text: str) -> str | None:
    """The split that the name of a file, of a folder or of a split tells of: train, test or validation."""
    found = SPLIT.search(text.lower())
    return next((split for split, words in SPLITS.items() if found and found[1] in words), None)


@contextmanager
def _library(place: str, *, bars: bool = False) -> Iterator[Any]:
    """Hugging Face's `datasets`, with or without its bars; FeatsplitError at `place` where it is not installed."""
    try:
        library: Any = import_module("datasets")
        if not hasattr(library, "load_from_disk"):  # a folder of that name in the working folder
            raise ImportError("is a folder")
    except ImportError as error:
        raise FeatsplitError(f"{place}: needs the package datasets: {EXTRA}") from error
    switch = {True: library.enable_progress_bars, False: library.disable_progress_bars}
    shown, level = not library.are_progress_bars_disabled(), library.logging.get_verbosity()
    switch[bars]()
    library.logging.set_verbosity_error()
    try:
        yield library
    finally:
        library.logging.set_verbosity(level)
        switch[shown]()


@contextmanager
def _refusing(place: str, what: str, cure: str) -> Iterator[None]:
    """Inside, what `datasets` and pyarrow raise becomes a FeatsplitError of a line."""
    try:
        yield
    except FeatsplitError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise FeatsplitError(f"{place}: {what} ({reason}); {cure}") from error


def _check_not_empty(path: Path, place: str) -> None:
    """Raise FeatsplitError where a split of the folder is empty: `datasets` writes such a one, and cannot load it."""
    for state in (path / SAVED[1], *sorted(path.glob(f"*/{SAVED[1]}"))):
        content = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else {}
        if content.get("_data_files") == []:
            raise FeatsplitError(f"{place}: {state.parent.name} is empty; it needs at least one image, or be left out")


def _of_datasets(loaded: Any, place: str) -> dict[str, Table]:
    """A Dataset, which is its only split, or a DatasetDict as tables."""
    splits = loaded if isinstance(loaded, Mapping) else {"train": loaded}
    return {
        name: Table(name, dict(split.features), len(split), partial(_pieces, split, place))
        for name, split in splits.items()
    }


def _pieces(split: Any, place: str, column: str) -> Iterator[Any]:
    """A column of a Dataset, as it is stored."""
    with _refusing(place, *DAMAGED):
        for batch in split.select_columns([column]).with_format("arrow").iter(ROWS):
            yield from batch[column].chunks


def _from_parquet(folder: Path, source: str, place: str) -> dict[str, Table]:
    """The splits of the .parquet files in `folder`, by their names or by those of the folders that they lie in."""
    every = sorted(folder.rglob("*.parquet"))
    files = [file for file in every if not any(is_skipped(part) for part in file.relative_to(folder).parts)]
    if not files:
        cure = f"if it holds images, write folder:{folder}"
        raise FeatsplitError(f"{place}: holds neither a data set of save_to_disk nor .parquet files; {cure}")
    splits, groups, others = defaultdict[str, list[Path]](list), set[str](), list[str]()
    for file in files:
        *within, name = file.relative_to(folder).parts
        split = split_called(name) or next((found for part in within if (found := split_called(part))), None)
        groups.add("/".join(part for part in within if not split_called(part) and part != "data"))
        splits[split or ""].append(file)
    if len(groups) > 1:
        named = ", ".join(sorted(group or "." for group in groups))
        raise FeatsplitError(f"{place}: holds {len(groups)} data sets ({named}); give the folder of one of them")
    if len(splits) > 1 and (others := [str(file.relative_to(folder)) for file in splits.pop("", ())]):
        warn(f"{source}: {len(others)} .parquet files are of no split by their names (first: {others[0]}): left out")
    with _library(place) as library:
        return {name or "train": _of_files(name or "train", files, library, place) for name, files in splits.items()}


def _of_files(name: str, files: Sequence[Path], library: Any, place: str) -> Table:
    """A split in these .parquet files, of which all must have the same columns."""
    parquet, rows, schema = import_module("pyarrow.parquet"), 0, None
    for file in files:
        with _refusing(f"{place}: {file.name}", *DAMAGED):
            opened = parquet.read_metadata(file)
            own = parquet.read_schema(file)
        _check_size(opened, file, f"{place}: {file.name}")
        rows += opened.num_rows
        if schema is not None and not schema.equals(own):
            raise FeatsplitError(f"{place}: {file.name} has other columns than {files[0].name}; a split has the same")
        schema = own
    with _refusing(f"{place}: {files[0].name}", *DAMAGED):
        features = dict(library.Features.from_arrow_schema(schema))
    return Table(name, features, rows, partial(_pieces_of_files, files, place))


def _check_size(metadata: Any, file: Path, place: str) -> None:
    """Raise FeatsplitError where a .parquet file would unpack to what no images compress to."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    whole, packed = sum(group.total_byte_size for group in groups), file.stat().st_size
    if (whole > ROOM and whole > MOST * packed) or metadata.num_rows > max(packed, 1):
        raise FeatsplitError(
            f"{place}: {packed / 2**20:.1f} MiB unpack to {metadata.num_rows} rows and {whole / 2**30:.1f} GiB, "
            "which images do not; write it again"
        )


def _pieces_of_files(files: Sequence[Path], place: str, column: str) -> Iterator[Any]:
    """A column of .parquet files, one after the other."""
    parquet = import_module("pyarrow.parquet")
    for file in files:
        with _refusing(f"{place}: {file.name}", *DAMAGED), parquet.ParquetFile(file) as opened:
            for batch in opened.iter_batches(batch_size=ROWS, columns=[column]):
                yield batch.column(0)


def _from_hub(host: Hosted, place: str, *, download: bool) -> dict[str, Table]:
    """The splits of a data set of the hub, from the cache of `datasets`; with `download` from the hub itself."""
    if os.path.isfile(host.place):
        raise FeatsplitError(f"{place}: is a file; give the folder that holds it")
    if not NAME.fullmatch(host.place):
        raise FeatsplitError(f"{place}: is no folder, and no name of the hub, which is NAME or OWNER/NAME")
    with _library(place, bars=download) as library:
        if host.place in import_module("datasets.packaged_modules")._PACKAGED_DATASETS_MODULES:
            raise FeatsplitError(f"{place}: is a kind of file, and no data set; give OWNER/NAME, or a folder")
        found = f"{host.place}, {host.config}," if host.config else host.place
        cure = "check the name and the network, or give a folder: hf:FOLDER"
        cure = cure if download else "give --download to fetch it, or a folder: hf:FOLDER"
        what = f"{found} is not to be had" if download else f"{found} is not in the cache"
        with _refusing(place, what, cure), nullcontext() if download else _offline(library):
            trust = {"trust_remote_code": False} if library.__version__.startswith("3.") else {}
            return _of_datasets(library.load_dataset(host.place, host.config or None, **trust), place)


@contextmanager
def _offline(library: Any) -> Iterator[None]:
    """Inside, neither `datasets` nor what it fetches by reaches the network."""
    switches: tuple[Any, Any] = (library.config, import_module("huggingface_hub.constants"))
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    for switch in switches:
        switch.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value
