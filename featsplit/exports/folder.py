"""A folder of PNG files for each class, and metadata.csv beside them: for torchvision, Hugging Face, and the eye."""

from pathlib import Path

from featsplit.data.shards import Columns
from featsplit.exports.names import folder_names
from featsplit.exports.pixels import Rounding, as_bytes, check_drawable, png, scale_of
from featsplit.exports.rows import Stored
from featsplit.exports.table import FILE_NAME, TABLE, table_in
from featsplit.exports.written import CSV, File, Images, Snippet, Written, literal, snippet


def write_folder(stored: Stored, folder: Path, name: str) -> Written:
    """Write SPLIT/CLASS/ROW.png and SPLIT/metadata.csv, whose first column is CLASS/ROW.png, to `folder`.

    `name` is what the folder will be called. A class without images has an empty folder: that keeps its number. Raises
    FeatsplitError where the images are neither grey nor in colour.
    """
    check_drawable(stored, "give --format npz or hf")
    classes, rounding = folder_names(stored.classes), Rounding(scale_of(stored.metadata))
    root = folder / stored.split
    for one in classes:
        (root / one).mkdir(parents=True)
    seen = set[int]()
    with table_in(root, FILE_NAME, stored.others) as table:
        for first, columns in stored.pieces(Path(name)):
            images = as_bytes(columns["images"])
            rounding = rounding.after(columns["images"], images)
            paths = _paths(stored, classes, first, columns)
            for path, image in zip(paths, images, strict=True):
                (root / path).write_bytes(png(image))
            table.add(paths, columns)
            seen.update(columns["labels"].tolist())
    return Written(
        (File(f"{stored.split}/{TABLE}", CSV),),
        str(rounding),
        key=FILE_NAME,
        images=Images(f"{stored.split}/*/*.png", path=f"{stored.split}/(.*)"),
        configs=(f"{stored.split}/**",),
        loading=_loading(name, stored.split, every_class=len(seen) == len(classes)),
    )


def _paths(stored: Stored, classes: tuple[str, ...], first: int, columns: Columns) -> list[str]:
    """Where the images of these rows go, from the folder of the split on, with slashes on every system."""
    width = max(5, len(str(stored.total - 1)))
    return [
        f"{classes[label]}/{row:0{width}d}.png" for row, label in enumerate(columns["labels"].tolist(), start=first)
    ]


def _loading(name: str, split: str, *, every_class: bool) -> tuple[Snippet, ...]:
    more = "" if every_class else ", allow_empty=True"
    return (
        snippet(
            "torchvision",
            "from torchvision.datasets import ImageFolder",
            "",
            f"images = ImageFolder({literal(f'{name}/{split}')}{more})  # (image, label), labels as in the set",
        ),
        snippet(
            "Hugging Face datasets",
            "from datasets import load_dataset",
            "",
            f'rows = load_dataset("imagefolder", data_dir={literal(name)}, split={literal(split)})  # all columns',
        ),
        snippet(
            "mlcroissant",
            "import mlcroissant",
            "",
            f'records = mlcroissant.Dataset({literal(f"{name}/croissant.json")}).records("records")',
        ),
    )
