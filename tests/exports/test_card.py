"""The card: Hugging Face reads its head, its Python runs, and it tells all that the file tells but for folders."""

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featsplit.exports import Export, export
from featsplit.exports.card import card, quoted, safe, size_category
from featsplit.exports.facts import Facts
from featsplit.exports.licences import NAMES, licence_of
from featsplit.exports.rows import open_stored
from featsplit.exports.written import Written
from featsplit.records.exports import FORMATS, Format
from tests.exports.sets import SPEC, TOTAL, made

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of their libraries
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning"),  # of mlcroissant
]


def exported(folder: Path, format_: Format, **options: Any) -> tuple[Path, str]:
    """An export, and its card."""
    path = made(folder / "set.h5", dtype=options.pop("dtype", "uint8"), spec=options.pop("spec", SPEC))
    out = folder / ("D_rand.npz" if format_ == "npz" else "D_rand")
    export(path, out, Export(format_, **options))
    return out, (folder / "D_rand.npz.md" if format_ == "npz" else out / "README.md").read_text()


def head(text: str) -> Any:
    """What Hugging Face's own library reads in the head of a card."""
    return import_module("huggingface_hub").DatasetCard(text).data.to_dict()


@pytest.mark.parametrize("format_", FORMATS)
def test_hugging_face_reads_the_head(tmp_path: Path, format_: Format) -> None:
    _, text = exported(tmp_path, format_, license="cc-BY-4.0")
    found = head(text)
    assert found["license"] == "cc-by-4.0"
    assert found["task_categories"] == ["image-classification"]
    assert found["size_categories"] == ["n<1K"]
    assert found["pretty_name"] == "D_rand: perturbed to a random class, labelled as that class (from folder:photos)"
    assert {"featsplit", "arxiv:1905.02175"} <= set(found["tags"])
    assert ("configs" in found) == (format_ in ("folder", "webdataset"))


@pytest.mark.parametrize("format_", FORMATS)
def test_each_of_its_blocks_of_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: Format) -> None:
    _, text = exported(tmp_path, format_)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(import_module("datasets").config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == (3 if format_ == "folder" else 1)
    for block in blocks:
        names: dict[str, Any] = {}
        exec(block, names)
        (loaded,) = (names[name] for name in ("rows", "images", "records") if name in names)
        assert len(list(loaded)) == TOTAL


def test_it_tells_what_the_file_tells(tmp_path: Path) -> None:
    _, text = exported(tmp_path, "folder", creator="Ann")
    for said in (
        "| source | folder:photos (limit 67), train split |",
        f"| source digest | {'ab' * 32} |",
        "| images | 67 of 3 x 6 x 5, uint8 in the set |",
        "| classes | 3: cat, dog, eel |",
        "| made by | Ann |",
        "| targets | random |",
        "| exclude_own_label | no |",
        "| eps | 0.5 |",
        "| network | standard.safetensors: mine.py:make, standard training, test accuracy 0.910 |",
        "| control | robust.safetensors: resnet8 width 8, adversarial training pgd l2 eps 0.5 steps 7, test",
        f"| control digest | {'ef' * 32} |",
        "| seed | 3 |",
        "| versions | featsplit 0.1.0, torch 2.6 |",
        "predicts the new label of 10.4% of the images before they were moved, and of 21.9% after",
        "12 % of the images reached their new label; &#60;b&#62;raise&#60;/b&#62; --eps &#124; or more",
        "| licence | not told: that of the source applies |",
        "@inproceedings{ilyas2019adversarial,",
    ):
        assert said in text, said
    assert "/home" not in text


def test_of_a_set_of_a_version_before_it_says_that_nothing_was_examined(tmp_path: Path) -> None:
    stored = open_stored(made(tmp_path / "set.h5"))
    before = replace(stored, metadata=replace(stored.metadata, warnings=None, summary={}))
    text = card(Facts(before, Written((), "kept"), "out", licence_of(None)))
    assert "Whether something is wrong with the set was not examined" in text
    assert "control** predicts" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("My own", {"license": "other", "license_name": "My own"}),
        ("https://a.org/l", {"license": "other", "license_name": "see the link", "license_link": "https://a.org/l"}),
        (None, {"license": "unknown"}),
    ],
)
def test_a_licence_is_said_as_hugging_face_says_it(tmp_path: Path, text: str | None, expected: dict[str, str]) -> None:
    found = head(exported(tmp_path, "folder", license=text)[1])
    assert {name: value for name, value in found.items() if name.startswith("license")} == expected


def test_every_name_of_a_licence_links_to_it() -> None:
    for name in NAMES:
        assert licence_of(name.upper()).link == f"https://spdx.org/licenses/{name}"


def test_names_are_nothing_but_text(tmp_path: Path) -> None:
    hostile = ("<script>alert(1)</script>", "a | b\n# c", "[x](javascript:0) `y` &amp;")
    _, text = exported(tmp_path, "folder", spec=replace(SPEC, classes=hostile))
    body = text.split("---\n", 2)[2]
    assert "<script" not in body
    assert "[x]" not in body
    assert not re.search("^# c", body, re.MULTILINE)
    (line,) = (line for line in body.splitlines() if line.startswith("| classes"))
    rendered = import_module("html").unescape(line.removeprefix("| classes | 3: ").removesuffix(" |"))
    assert rendered == ", ".join(" ".join(name.split()) for name in hostile)


@given(st.text())
def test_any_text_is_a_yaml_string_and_a_line_of_markdown(text: str) -> None:
    yaml = import_module("yaml")
    if not any(0xD800 <= ord(sign) < 0xE000 for sign in text):
        assert yaml.safe_load(f"a: {quoted(text)}\n") == {"a": text}
    assert "\n" not in safe(text)
    assert import_module("html").unescape(safe(text)) == " ".join(text.split()) or "&" in text


@pytest.mark.parametrize(
    ("total", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (50_000, "10K<n<100K"), (1_281_167, "1M<n<10M"), (10**12, "n>1T")],
)
def test_sizes_are_in_hugging_faces_classes(total: int, category: str) -> None:
    assert size_category(total) == category
