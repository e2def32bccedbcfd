"""The card of an exported set: a README.md with the head that Hugging Face reads, and all that the file says of itself.

Names come from whoever made the set: in the text every sign that Markdown or HTML would take for its own is written as
an entity, in the head each is a quoted YAML string.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from featsplit import __version__
from featsplit.exports.facts import CITATION, COLUMNS, LABELS, Facts, flat
from featsplit.exports.public import public_made_by
from featsplit.metadata.made_by import ModelCard
from featsplit.metadata.sets import NOT_TOLD

SIZES = (10**3, 10**4, 10**5, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11, 10**12)
SIGNS = frozenset("&<>[]|`*\\#$~")
SHOWN = 20  # classes by name
Lines = Iterator[str]


def card(facts: Facts) -> str:
    """The card, as Markdown."""
    return "\n".join([*_head(facts), *_what(facts), *_how(facts), *_columns(facts), *_loading(facts), *_citing()])


def _head(facts: Facts) -> Lines:
    """The YAML that Hugging Face reads."""
    licence = facts.licence
    yield "---"
    yield f"license: {licence.identifier}"
    if licence.identifier == "other":
        yield f"license_name: {quoted(licence.text or 'see the link')}"
        if licence.link:
            yield f"license_link: {quoted(licence.link)}"
    yield f"pretty_name: {quoted(facts.title)}"
    yield from (
        "task_categories:",
        "- image-classification",
        "size_categories:",
        f"- {size_category(facts.stored.total)}",
    )
    yield from ("tags:", "- featsplit", *(f"- {quoted(tag)}" for tag in facts.tags))
    if facts.written.configs:
        yield from (
            "configs:",
            "- config_name: default",
            "  data_files:",
            f"  - split: {facts.stored.split}",
            "    path:",
        )
        yield from (f"    - {quoted(pattern)}" for pattern in facts.written.configs)
    yield from ("---", "")


def _what(facts: Facts) -> Lines:
    stored, spec = facts.stored, facts.stored.metadata.spec
    names = [*stored.classes[:SHOWN], *(["..."] if len(stored.classes) > SHOWN else [])]
    yield from (f"# {safe(facts.title)}", "")
    yield (
        "A data set derived from another, as in *Adversarial Examples Are Not Bugs, They Are Features* "
        "(Ilyas et al. 2019, [arXiv:1905.02175](https://arxiv.org/abs/1905.02175)), made with featsplit "
        f"{safe(spec.versions.get('featsplit', __version__))}. {LABELS.get(spec.method, '')}".rstrip()
    )
    channels, height, width = stored.shape
    yield ""
    yield from _table(
        {
            "images": f"{stored.total} of {channels} x {height} x {width}, {stored.dtype} in the set",
            "here": facts.written.kept,
            "classes": f"{len(stored.classes)}: {', '.join(names)}",
            "source": facts.source,
            "source digest": spec.source_digest,
            "licence": str(facts.licence),
            "made by": facts.creator or NOT_TOLD,
        }
    )
    for warning in stored.metadata.warnings or ():
        yield from (f"> **Warning:** {safe(warning)}", "")
    if stored.metadata.warnings is None:
        yield from ("Whether something is wrong with the set was not examined when it was made.", "")


def _how(facts: Facts) -> Lines:
    metadata = facts.stored.metadata
    spec, made_by = metadata.spec, public_made_by(metadata.made_by)
    yield from ("## How it was made", "")
    told = {"method": spec.method, **flat(spec.parameters)}
    told |= {"network": _network(made_by.model), "network digest": spec.model_digest}
    if spec.control_digest is not None:
        told |= {"control": _network(made_by.control), "control digest": spec.control_digest}
    told |= {f"network left as it was {n}": digest for n, digest in enumerate(spec.ensemble_digests, 1)}
    told |= {"seed": "none: nothing is random" if spec.seed is None else str(spec.seed), "precision": spec.precision}
    told |= {"versions": ", ".join(f"{name} {version}" for name, version in spec.versions.items()) or NOT_TOLD}
    yield from _table(told)
    if metadata.summary:
        yield from ("What came out:", "")
        yield from _table({name.replace("_", " "): f"{value:.4g}" for name, value in metadata.summary.items()})
    yield from _leak(metadata.summary)


def _leak(summary: Mapping[str, float]) -> Lines:
    """How far robust features of the new label came into the images, where a control was asked."""
    if "control_before" in summary and "control_after" in summary:
        before, after = summary["control_before"], summary["control_after"]
        yield (
            f"**The control** predicts the new label of {before:.1%} of the images before they were moved, and of "
            f"{after:.1%} after. Where it is adversarially trained, the difference is what of the new label leaked in "
            "as robust features (the paper's appendix D.6): a network could learn that much from the set through these."
        )
        yield ""


def _network(network: ModelCard | None) -> str:
    return NOT_TOLD if network is None else str(network)


def _columns(facts: Facts) -> Lines:
    metadata = facts.stored.metadata
    yield from ("## Columns", "")
    yield from ("| column | type | SHA-256 in the set | what it is |", "| --- | --- | --- | --- |")
    for name in ("images", *facts.stored.others):
        digest, kind = metadata.digests.get(name, NOT_TOLD), metadata.columns[name][1]
        says = "the images" if name == "images" else COLUMNS.get(name, "")
        yield f"| {safe(name)} | {kind} | {safe(digest)} | {says} |"
    yield ""


def _loading(facts: Facts) -> Lines:
    yield from ("## How to load it", "", "From the folder in which it lies:", "")
    for library, code in facts.written.loading:
        yield from (f"With {library}:", "", "```python", code, "```", "")


def _citing() -> Lines:
    yield from ("## To cite", "", "```bibtex", CITATION, "```", "")


def _table(told: Mapping[str, str]) -> Lines:
    yield from ("| | |", "| --- | --- |")
    yield from (f"| {safe(name)} | {safe(value)} |" for name, value in told.items())
    yield ""


def safe(text: str) -> str:
    """`text` in one line of Markdown, in which it is nothing but text."""
    return "".join(f"&#{ord(sign)};" if sign in SIGNS else sign for sign in " ".join(text.split()))


def quoted(text: str) -> str:
    """`text` as a YAML string, in double quotes."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"


def size_category(total: int) -> str:
    """How many images there are, in Hugging Face's classes: "1K<n<10K"."""
    below = [f"n<{_short(SIZES[0])}", *(f"{_short(a)}<n<{_short(b)}" for a, b in pairwise(SIZES))]
    return next((name for name, size in zip(below, SIZES, strict=True) if total < size), f"n>{_short(SIZES[-1])}")


def _short(number: int) -> str:
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            return f"{number // size}{letter}"
    return str(number)
