"""Tar shards as the webdataset library reads them: for each image KEY.png or KEY.npy, KEY.cls and KEY.json.

Images of 8 bits are PNG files, all others numpy arrays (C, H, W), so that nothing is lost. The same set gives the same
bytes: nothing in a tar tells when or by whom it was written. Its name tells what is in it, since mlcroissant keeps what
it has unpacked by the name alone, and would take the tar of another set for it.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from featsplit.data.shards import Columns
from featsplit.exports.pixels import npy, png
from featsplit.exports.rows import Stored
from featsplit.exports.table import FILE_NAME, TABLE, Line, as_json, lines_of, table_in
from featsplit.exports.written import CSV, TAR, File, Images, Snippet, Written, files_in, literal, snippet
from featsplit.files import json_digest
from featsplit.progress import progress


def write_tars(stored: Stored, folder: Path, name: str, *, images_a_tar: int) -> Written:
    """Write SPLIT-DIGEST-NUMBER.tar of `images_a_tar` images each, and metadata.csv of them all, to `folder`.

    `name` is what the folder will be called.
    """
    count = -(-stored.total // images_a_tar)
    stem = f"{stored.split}-{json_digest([dict(stored.metadata.digests), images_a_tar])[:8]}"
    extension = "png" if stored.dtype == "uint8" and stored.shape[0] in (1, 3) else "npy"
    with table_in(folder, FILE_NAME, stored.others) as table:
        for number in progress(range(count), f"export {name}"):
            rows = number * images_a_tar, min((number + 1) * images_a_tar, stored.total)
            with tarfile.open(folder / f"{stem}-{number:06d}.tar", "w") as tar:
                for first, columns in _pieces(stored, *rows):
                    keys = [f"{row:09d}" for row in range(first, first + len(columns["labels"]))]
                    _add_examples(tar, keys, columns, stored.others, extension)
                    table.add([f"{key}.{extension}" for key in keys], columns)
    tars = files_in(folder, "*.tar", TAR)
    return Written(
        (*tars, File(TABLE, CSV)),
        f"the images are kept as they are, {stored.dtype}, as .{extension}",
        key=FILE_NAME,
        images=Images("*.png", tuple(tar.path for tar in tars)) if extension == "png" else None,
        configs=(f"{stem}-*.tar",),
        loading=(_loading(f"{name}/{stem}", count, extension),),
    )


def _pieces(stored: Stored, first: int, last: int) -> Iterator[tuple[int, Columns]]:
    for rows in stored.slices(first, last):
        yield rows.start, stored.columns(rows)


def _add_examples(tar: tarfile.TarFile, keys: list[str], columns: Columns, names: tuple[str, ...], kind: str) -> None:
    encode = png if kind == "png" else npy
    lines: Iterator[Line] = lines_of(columns, names)
    for key, image, line in zip(keys, columns["images"], lines, strict=True):
        _add(tar, f"{key}.{kind}", encode(image))
        _add(tar, f"{key}.cls", str(line[names.index("labels")]).encode())
        _add(tar, f"{key}.json", as_json(names, line).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _loading(stem: str, count: int, extension: str) -> Snippet:
    numbers = "000000" if count == 1 else f"{{000000..{count - 1:06d}}}"
    decoded, image = ('"pil", ', "png") if extension == "png" else ("", "npy")
    return snippet(
        "webdataset",
        "import webdataset",
        "",
        f"tars = {literal(f'{stem}-{numbers}.tar')}",
        f"rows = webdataset.WebDataset(tars, shardshuffle=False).decode({decoded.rstrip(', ')})"
        f'.to_tuple("{image}", "cls", "json")',
    )
