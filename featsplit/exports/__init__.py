"""Derived sets in other people's formats, each with a card and a croissant.json that say what it is.

A format writes into a folder (or one file) that is renamed into its place when all is there, a few rows in memory at a
time. What is told of the set is told once (`facts`), and leaves out the folders of whoever made it (`public`).
"""

from pathlib import Path

from featsplit.data.images import ImageData, Split
from featsplit.exports.arrays import other_split, write_npz
from featsplit.exports.card import card
from featsplit.exports.croissant import croissant
from featsplit.exports.facts import Facts
from featsplit.exports.folder import write_folder
from featsplit.exports.huggingface import check_datasets, push, pushed, write_disk
from featsplit.exports.licences import licence_of
from featsplit.exports.places import CARD, CROISSANT, beside, check_file, check_folder
from featsplit.exports.release import write_release
from featsplit.exports.rows import Stored, open_stored
from featsplit.exports.tars import write_tars
from featsplit.exports.written import Written
from featsplit.files import replacing, replacing_folder, write_json
from featsplit.records.exports import Export as Export


def export(
    path: str | Path,
    out: str | Path,
    settings: Export = Export(),
    *,
    source: ImageData | None = None,
    overwrite: bool = False,
) -> tuple[int, str]:
    """Write the derived set at `path` to `out` in another format; return how many images, and what became of them.

    The second is a line: what rounding to 8 bits cost, or that nothing is lost. `out` is a new folder, or for "npz" a
    file with its card and its croissant.json beside it; `overwrite` replaces a file, or a folder that is an earlier
    export. `source` is the data that the set was made of, which `settings.other_split` alone needs. Raises
    FeatsplitError where `path` is no derived set or is damaged, the format does not take its images, a setting is out
    of its range, or `out` is taken.
    """
    settings.check()
    path, out = Path(path), Path(out)
    if settings.format == "npz":
        stored = open_stored(path)
        check_file(path, out, overwrite=overwrite)
        written = _export_file(stored, out, settings, other_split(stored, source) if settings.other_split else None)
    else:
        check_folder(out, overwrite=overwrite)
        check_datasets(settings)
        stored = open_stored(path)
        written = _export_folder(stored, out, settings)
        if settings.push is not None:
            there = pushed(stored, written, settings.push)
            push(out, settings.push, card(_facts(stored, there, settings.push, settings)))
    return stored.total, written.kept


def _export_file(stored: Stored, out: Path, settings: Export, other: Split | None) -> Written:
    """The set as one file; its card and its croissant.json are there before it is."""
    told, described = beside(out)
    with replacing(out) as partial:
        written = write_npz(stored, partial, out.name, other=other)
        facts = _facts(stored, written, out.name, settings)
        write_json(described, croissant(facts, {out.name: partial}))
        _write_text(told, card(facts))
    return written


def _export_folder(stored: Stored, out: Path, settings: Export) -> Written:
    """The set as a folder, its card and its croissant.json in it."""
    with replacing_folder(out) as partial:
        written = _write(stored, partial, out.name, settings)
        facts = _facts(stored, written, out.name, settings)
        write_json(partial / CROISSANT, croissant(facts, {file.path: partial / file.path for file in written.files}))
        _write_text(partial / CARD, card(facts))
    return written


def _write(stored: Stored, folder: Path, name: str, settings: Export) -> Written:
    match settings.format:
        case "folder":
            return write_folder(stored, folder, name)
        case "hf":
            return write_disk(stored, folder, name)
        case "webdataset":
            return write_tars(stored, folder, name, images_a_tar=settings.images_a_tar)
        case _:
            return write_release(stored, folder, name)


def _facts(stored: Stored, written: Written, name: str, settings: Export) -> Facts:
    return Facts(stored, written, name, licence_of(settings.license), settings.creator)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="replace")
