"""What `datasets.load_from_disk` opens is the set, to the bit; and nothing is uploaded unasked."""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from featsplit.data.derived import Dtype
from featsplit.errors import FeatsplitError
from featsplit.exports import Export, export, huggingface
from tests.exports.sets import CLASSES, TOTAL, columns, made

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of their libraries

HF = Export("hf")


class Call(NamedTuple):
    name: str
    options: dict[str, object]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What is asked of Hugging Face's hub, in whose place nobody answers."""
    calls: list[Call] = []

    class Api:
        def create_repo(self, repo_id: str, **options: object) -> None:
            calls.append(Call("create_repo", {"repo_id": repo_id, **options}))

        def upload_file(self, **options: object) -> None:
            calls.append(Call("upload_file", options))

    def push_to_hub(rows: Any, repo_id: str, **options: object) -> None:
        calls.append(Call("push_to_hub", {"repo_id": repo_id, "rows": len(rows), **options}))

    monkeypatch.setattr(import_module("huggingface_hub"), "HfApi", Api)
    monkeypatch.setattr(import_module("datasets").Dataset, "push_to_hub", push_to_hub)
    return calls


@pytest.mark.parametrize("shape", [(3, 6, 5), (1, 4, 7), (2, 4, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_same_comes_back(tmp_path: Path, dtype: Dtype, shape: tuple[int, int, int]) -> None:
    datasets = import_module("datasets")
    path, out = made(tmp_path / "set.h5", dtype=dtype, shape=shape), tmp_path / "out"
    export(path, out, HF)
    found, expected = datasets.load_from_disk(str(out)), columns(path)
    for name in set(expected) - {"images"}:
        assert np.array_equal(np.array(found[name]), expected[name]), name
    assert found.features["labels"].names == found.features["target"].names == [*CLASSES]
    picture = isinstance(found.features["image"], datasets.Image)
    assert picture == (dtype == "uint8" and shape[0] != 2), "what is not of 8 bits is an array"
    if picture:
        read = np.stack([np.atleast_3d(np.asarray(image)).transpose(2, 0, 1) for image in found["image"]])
    else:
        read = np.array(found.with_format("numpy")["image"])
        assert found.features["image"].dtype == dtype
    assert np.array_equal(read, expected["images"])
    assert {place.name for place in out.iterdir()} == {
        "README.md", "croissant.json", "data-00000-of-00001.arrow", "dataset_info.json", "state.json",
    }  # fmt: skip
    assert str(tmp_path) not in "".join(file.read_text() for file in out.glob("*.json"))


def test_its_files_say_themselves_what_their_columns_are(tmp_path: Path) -> None:
    """Another loader of theirs, which sees the Arrow files alone."""
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, HF)
    files, cache = str(out / "*.arrow"), str(tmp_path / "cache")
    found = import_module("datasets").load_dataset("arrow", data_files=files, split="train", cache_dir=cache)
    assert np.array_equal(np.array(found.with_format("numpy")["image"]), columns(path)["images"])
    assert found.features["labels"].names == [*CLASSES]


def test_a_torch_loader_takes_it(tmp_path: Path) -> None:
    torch_data, datasets = import_module("torch.utils.data"), import_module("datasets")
    path, out = made(tmp_path / "set.h5"), tmp_path / "out"
    export(path, out, HF)
    loader = torch_data.DataLoader(datasets.load_from_disk(str(out)).with_format("torch"), batch_size=16)
    batches = list(loader)
    assert np.array_equal(np.concatenate([batch["image"] for batch in batches]), columns(path)["images"])
    assert np.array_equal(np.concatenate([batch["labels"] for batch in batches]), columns(path)["labels"])


@pytest.mark.parametrize("format_", ["hf", "folder"])
def test_nothing_is_uploaded_unasked(tmp_path: Path, hub: list[Call], format_: Any) -> None:
    export(made(tmp_path / "set.h5"), tmp_path / "out", Export(format_))
    assert hub == []


def test_asked_it_is_uploaded_once_and_privately_with_its_card(tmp_path: Path, hub: list[Call]) -> None:
    export(made(tmp_path / "set.h5"), tmp_path / "out", Export("hf", push="ann/D_rand"))
    created, uploaded, pushed = hub
    assert created == Call(
        "create_repo", {"repo_id": "ann/D_rand", "repo_type": "dataset", "private": True, "exist_ok": True}
    )
    card = uploaded.options.pop("path_or_fileobj")
    assert uploaded == Call(
        "upload_file", {"path_in_repo": "README.md", "repo_id": "ann/D_rand", "repo_type": "dataset"}
    )
    assert isinstance(card, bytes)
    assert 'rows = load_dataset("ann/D_rand", split="train")' in card.decode()
    assert pushed == Call("push_to_hub", {"repo_id": "ann/D_rand", "rows": TOTAL})


def test_an_upload_that_fails_is_a_line_and_what_was_written_stays(
    tmp_path: Path, hub: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise RuntimeError("401 Unauthorized\nsee https://huggingface.co")

    monkeypatch.setattr(import_module("huggingface_hub").HfApi, "create_repo", refuses)
    with pytest.raises(
        FeatsplitError, match=r"^--push ann/x: could not be uploaded \(401 Unauthorized see .*out is there"
    ):
        export(made(tmp_path / "set.h5"), tmp_path / "out", Export("hf", push="ann/x"))
    assert len(import_module("datasets").load_from_disk(str(tmp_path / "out"))) == TOTAL


def test_without_the_library_the_cure_is_said_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(huggingface, "import_module", missing)
    with pytest.raises(FeatsplitError, match=r'datasets is not installed; pip install "featsplit\[hf\]"'):
        export(tmp_path / "not even looked for.h5", tmp_path / "out", HF)
