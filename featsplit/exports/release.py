"""The layout of the published sets, and beside it metadata.csv with every column that it has no place for."""

from pathlib import Path

from featsplit.data.madrylab import IMAGES, LABELS, export_madrylab
from featsplit.exports.rows import Stored
from featsplit.exports.table import TABLE, table_in
from featsplit.exports.written import CSV, File, Written, literal, snippet

KEY = "row"
TORCH = "application/octet-stream"


def write_release(stored: Stored, folder: Path, name: str) -> Written:
    """Write CIFAR_ims, CIFAR_lab and metadata.csv to `folder`; `name` is what it will be called."""
    export_madrylab(stored.path, folder)
    with table_in(folder, KEY, stored.others) as table:
        for rows in stored.slices():
            columns = stored.columns(rows, stored.others)
            table.add([str(row) for row in range(rows.start, rows.stop)], columns)
    kept = "the images are kept as float32"
    return Written(
        (File(IMAGES, TORCH), File(LABELS, TORCH), File(TABLE, CSV)),
        kept if stored.dtype != "uint8" else f"{kept}, the 256 levels over 255",
        key=KEY,
        loading=(
            snippet(
                "torch",
                "import torch",
                "",
                f"images = torch.cat(torch.load({literal(f'{name}/{IMAGES}')}))  # (N, C, H, W) in [0, 1]",
                f"labels = torch.cat(torch.load({literal(f'{name}/{LABELS}')}))",
            ),
        ),
    )
