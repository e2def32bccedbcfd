"""What a data set holds, in a screenful: images by class and split, sizes, pixels, copies, and its digest."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from featsplit.data.images import ImageData, Split, channel_moments, pieces
from featsplit.data.shared import Pair, digests_of, repeated_rows, shared_rows
from featsplit.data.survey import Survey
from featsplit.report.cells import Cells, as_text
from featsplit.report.files import screen

Names = tuple[Sequence[str], Sequence[str]]
SHOWN, LISTED, PAIRS = 24, 10, 3
"""Up to how many classes the table has all of; how many it begins with where there are more; and pairs of copies."""
WIDEST = 48
"""Letters of the name of a class."""


class Side(NamedTuple):
    """A split, what it and its images are called (None: by their rows), and the digest of each image."""

    kind: str
    split: Split
    names: Sequence[str] | None
    digests: Sequence[bytes]

    def called(self, row: int) -> str:
        """What the image at `row` is called."""
        return f"{self.kind} {row}" if self.names is None else short(self.names[row], WIDEST // 2 + 3)


def source_text(data: ImageData, found: Survey | None = None, *, names: Names | None = None) -> str:
    """The data set in a screenful; `found` says of what sizes its images were before they were resized.

    Images are called by `names`, those of the train and of the test images, or by their rows.
    """
    channels, height, width = data.shape
    mean, deviation = channel_moments(data.train.images)
    lines = {
        "images": f"{len(data.train)} train, {len(data.test)} test, {len(data.classes)} classes",
        "size": f"{width} x {height}, {channels} channel{'s' if channels > 1 else ''}{_resized(data, found)}",
        "pixels": _range(data),
        "mean": ", ".join(f"{value:.4f}" for value in mean.tolist()) + "  (of train, on the scale of 0 to 1)",
        "deviation": ", ".join(f"{value:.4f}" for value in deviation.tolist()),
        **_copies(data, names),
        "digest": data.digest,
    }
    labels = data.train.labels.tolist(), data.test.labels.tolist()
    return f"{screen(data.name, lines)}\n\n{as_text(_by_class(data.classes, *labels))}"


def survey_text(source: str, found: Survey) -> str:
    """The same of a source whose images are of several sizes, as far as it can be said before they are resized."""
    train, test = (len(labels) for labels in found.labels)
    few, more = found.sizes.most_common(PAIRS), len(found.sizes) - PAIRS
    named = ", ".join(f"{width} x {height} ({count})" for (width, height), count in few)
    lines = {
        "images": f"{train} train, {test} test, {len(found.classes)} classes; as they lie there, without options",
        "sizes": f"{named}" + (f", and {more} more" if more > 0 else ""),
        "span": _span(found.sizes),
        "needs": "--resize N: images must share one size; the rest is said with it",
    }
    return f"{screen(source, lines)}\n\n{as_text(_by_class(found.classes, *found.labels))}"


def _resized(data: ImageData, found: Survey | None) -> str:
    """What images were before they were resized, if they were."""
    if found is None or set(found.sizes) == {(data.shape[2], data.shape[1])}:
        return ""
    return f", resized from {_span(found.sizes)}"


def _span(sizes: Counter[tuple[int, int]]) -> str:
    """The least and the greatest sides."""
    widths, heights = zip(*sizes, strict=True)
    least, most = f"{min(widths)} x {min(heights)}", f"{max(widths)} x {max(heights)}"
    return least if least == most else f"{least} to {most} ({len(sizes)} sizes)"


def _range(data: ImageData) -> str:
    parts = [part for split in (data.train, data.test) if len(split) for part in pieces(split.images)]
    low, high = min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)
    return f"{low:g} to {high:g}, {str(data.train.images.dtype).removeprefix('torch.')}"


def _copies(data: ImageData, names: Names | None) -> dict[str, str]:
    """Which images are in a split twice, and which test images are among the train images; to the pixel."""
    train, test = (
        Side(kind, split, None if names is None else names[number], digests_of(split))
        for number, (kind, split) in enumerate((("train", data.train), ("test", data.test)))
    )
    return {
        "train copies": _said(repeated_rows(train.digests), train, train),
        "test copies": _said(repeated_rows(test.digests), test, test),
        "in both": _said(shared_rows(train.digests, test.digests), train, test),
    }


def _said(pairs: Sequence[Pair], first: Side, second: Side) -> str:
    """How many images of `second` equal one of `first`, the first ones, and how many of them are of another class."""
    if not pairs:
        return "none"
    other = sum(int(first.split.labels[a]) != int(second.split.labels[b]) for a, b in pairs)
    classes = f", {other} of another class" if other else ""
    lines = [f"{second.called(b)} = {first.called(a)}" for a, b in pairs[:PAIRS]]
    more = ["..."] if len(pairs) > PAIRS else []
    return "\n".join([f"{len(pairs)} of {len(second.split)} images{classes}", *lines, *more])


def _by_class(classes: Sequence[str], train: Sequence[int], test: Sequence[int]) -> Cells:
    """Images by class and split; of many classes the first, and what the others have at least and at most."""
    counts = [Counter(train), Counter(test)]
    shown = len(classes) if len(classes) <= SHOWN else LISTED
    rows = [[short(name), *(str(of[label]) for of in counts)] for label, name in enumerate(classes[:shown])]
    if shown < len(classes):
        spans = [[of[label] for label in range(shown, len(classes))] for of in counts]
        rows.append([f"and {len(classes) - shown} more", *(_least_to_most(each) for each in spans)])
    return [["class", "train", "test"], *rows]


def _least_to_most(counts: Sequence[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def short(name: str, widest: int = WIDEST) -> str:
    """A name in one line of `widest` letters: "?" for what cannot be printed, and without its middle if it is long."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name)
    half = (widest - 3) // 2
    return line if len(line) <= widest else f"{line[: widest - 3 - half]}...{line[-half:]}"
