"""A page with all that a page can have, made without a run: its images are drawn, and what is predicted is made up."""

from pathlib import Path

import numpy as np

from featsplit.report.blocks import Block, Code, ExampleSet, Explorer, Folded, Heading, Picture, Plot, Table, Text
from featsplit.report.cells import Cells
from featsplit.report.examples import Examples, write_examples
from featsplit.report.explorer import sheet_png
from featsplit.report.page import PAGE, write_page

CLASSES = ("<img src=x onerror='window.hit=1'>", "</script><script>window.hit=2</script>", "cat & dog")
SETS = ("robust", "robust-noise", "rand", "det", "nonrobust")
MEASURED: Cells = [
    ["trained on", "clean", "pgd l2 0.5", "note"],
    ["D", "0.994 (0.978 to 1.000)", "0.438 (0.288 to 0.589)", 'of "all", 100 %'],
    ["D_10", "0.344 (0.152 to 0.539)", "", "b"],
    ["D_2", "0.594 ± 0.013", "-", "B_1 < x^2 \\"],
    ["E", "-0.2 (-0.3 to 0.1)", "1e-3", CLASSES[0]],
    ["F", "0.25", "none found", ""],
]
PLOT = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 60" width="500" height="60">
<text x="9" y="40" fill="currentColor">accuracy 0.994</text></svg>"""


def drawn(name: str, count: int = 24, size: int = 6, channels: int = 3) -> Examples:
    """`count` made-up examples of the set called `name`: sources and starts are the same, and det has half of them."""
    rng = np.random.default_rng(SETS.index(name))
    index = np.arange(count) * 3
    source = np.random.default_rng(99).integers(0, 256, (count, size, size, channels), dtype=np.uint8)
    label, matched = index // 3 % len(CLASSES), "robust" in name
    started = name in ("robust", "nonrobust")
    predicted = rng.integers(0, len(CLASSES), (count, 2, 3))
    predicted[:, :, 1] = predicted[:, :, 1] if started else -1
    changed = np.clip(source + rng.integers(-12, 13, source.shape), 0, 255).astype(np.uint8)
    far = rng.random(count) if matched else np.full(count, np.nan)
    examples = Examples(
        source,
        source[::-1] if started else source[:0],
        changed,
        index,
        label,
        label[::-1] if started else np.full(count, -1),
        label if matched else (label + 1) % len(CLASSES),
        predicted,
        rng.random((count, 2, 3), np.float32),
        np.stack([far, rng.random(count)], axis=1).astype(np.float32),
    )
    return examples.spread(count // 2) if name == "det" else examples


def blocks(folder: Path) -> list[Block]:
    """The blocks of the page; what they need is written to `folder`."""
    sets = []
    for name in SETS:
        perturbed = "robust" not in name
        write_examples(folder / f"{name}.safetensors", drawn(name))
        (folder / f"{name}.png").write_bytes(sheet_png(drawn(name).derived))
        files = f"{name}.safetensors", f"{name}.png"
        maker, control = (0, 1) if perturbed else (1, None)
        sets.append(ExampleSet(name, f"The set {name}", *files, maker, control, "Length (l2)"))
    verdicts = [["statement", "verdict"], ["one", "holds"], ["two", "does not hold"], ["three", "undecided"]]
    return [
        Heading("A page", 1),
        Text("What was done."),
        Plot("one", lambda: PLOT, "Accuracy of the network: 0.994"),
        Heading("The images"),
        Explorer(sets, ("standard network", "adversarially trained network"), CLASSES, "What they are."),
        Heading("Tables"),
        Table(MEASURED, caption="Accuracy on the test images"),
        Table(verdicts, sortable=False),
        Table([[f"column {number} of a wide table" for number in range(12)], ["0.5"] * 12]),
        Picture("rand.png", "Images of D_rand: 24"),
        Folded("Settings", [Code("seed = 0\n" + "a long line " * 20), Table([["setting", "value"], ["eps", "0.5"]])]),
    ]


def written(folder: Path) -> Path:
    """The page, written to `folder`."""
    write_page(blocks(folder), folder)
    return folder / PAGE
