"""A folder that `datasets.load_from_disk` opens: Arrow files with typed columns, from which nothing is lost.

Images of 8 bits are an Image (a PNG for each), all others an Array3D (C, H, W) of their own type; labels are a
ClassLabel with the names of the classes. The library holds 1000 rows at a time, however many there are.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from featsplit.errors import FeatsplitError
from featsplit.exports.pixels import png
from featsplit.exports.rows import Stored
from featsplit.exports.written import File, Snippet, Written, files_in, literal, snippet
from featsplit.records.exports import Export

BATCH = 64  # rows that the library holds before it writes them
ARROW, JSON = "application/vnd.apache.arrow.stream", "application/json"
CLASSES = ("labels", "source_label", "target")
"""The columns whose values are always classes of the set; a network of other classes may have made the others."""


def check_datasets(settings: Export) -> None:
    """Raise FeatsplitError where `settings` ask for what only Hugging Face's libraries do, and they are not there."""
    if settings.format == "hf":
        _library("datasets")


def write_disk(stored: Stored, folder: Path, name: str) -> Written:
    """Write the files of `save_to_disk` to `folder`; `name` is what it will be called."""
    datasets = _library("datasets")
    cache = folder / ".cache"
    silent = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        rows = datasets.Dataset.from_generator(
            _examples,
            features=_features(datasets, stored),
            gen_kwargs={"stored": stored, "out": Path(name)},
            cache_dir=str(cache),
            split=datasets.NamedSplit(stored.split),
            writer_batch_size=BATCH,
        )
        rows.save_to_disk(str(folder))
    except datasets.exceptions.DatasetGenerationError as error:
        raise error.__cause__ or error from None  # ours, or the disk's
    finally:
        if not silent:
            datasets.enable_progress_bars()
    del rows
    shutil.rmtree(cache)
    images = "Image, a PNG for each" if _are_pictures(stored) else f"Array3D of {stored.dtype}"
    return Written(
        (*files_in(folder, "*.arrow", ARROW), File("dataset_info.json", JSON), File("state.json", JSON)),
        f"the images are kept as they are, {stored.dtype}, as {images}",
        loading=(_loading(name),),
    )


def push(folder: Path, name: str, told: str) -> None:
    """Upload the rows in `folder` to the repository `name` of Hugging Face, private if it is new, with the card `told`.

    They lie there as Parquet, as `push_to_hub` writes it, which adds to the head of the card where they are. Raises
    FeatsplitError where that fails; what is in `folder` stays.
    """
    try:
        api, rows = _library("huggingface_hub").HfApi(), _library("datasets").load_from_disk(str(folder))
        api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
        api.upload_file(path_or_fileobj=told.encode(), path_in_repo="README.md", repo_id=name, repo_type="dataset")
        rows.push_to_hub(name)
    except FeatsplitError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FeatsplitError(
            f"--push {name}: could not be uploaded ({reason}); {folder} is there, and its card says how it is loaded: "
            f'from there rows.push_to_hub("{name}")'
        ) from error


def pushed(stored: Stored, written: Written, name: str) -> Written:
    """What lies in the repository `name`, of what was `written` to the disk."""
    code = (
        "from datasets import load_dataset",
        "",
        f"rows = load_dataset({literal(name)}, split={literal(stored.split)})",
    )
    return replace(written, files=(), loading=(snippet("Hugging Face datasets", *code),))


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise FeatsplitError(f'--format hf: {name} is not installed; pip install "featsplit[hf]"') from error


def _are_pictures(stored: Stored) -> bool:
    return stored.dtype == "uint8" and stored.shape[0] in (1, 3)


def _features(datasets: Any, stored: Stored) -> Any:
    """The types of the columns, as Hugging Face has them."""
    pictures, names = _are_pictures(stored), list(stored.classes)
    image = datasets.Image() if pictures else datasets.Array3D(stored.shape, stored.dtype)
    columns = {name: datasets.Value(stored.metadata.columns[name][1]) for name in stored.others}
    columns |= {name: datasets.ClassLabel(names=names) for name in CLASSES if name in columns}
    return datasets.Features({"image": image, **columns})


def _examples(stored: Stored, out: Path) -> Iterator[object]:
    """Each row, as `datasets` takes it."""
    pictures = _are_pictures(stored)
    for _, columns in stored.pieces(out):
        values = zip(*(columns[name].tolist() for name in stored.others), strict=True)
        for image, line in zip(columns["images"], values, strict=True):
            pixels: object = {"bytes": png(image), "path": None} if pictures else image.numpy()
            yield {"image": pixels, **dict(zip(stored.others, line, strict=True))}


def _loading(name: str) -> Snippet:
    return snippet(
        "Hugging Face datasets", "from datasets import load_from_disk", "", f"rows = load_from_disk({literal(name)})"
    )
