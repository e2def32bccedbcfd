"""Files of torch.save: every tensor as torch reads it, and no damage ends in a traceback."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from featsplit.errors import FeatsplitError
from featsplit.pickles import opened, weights

FORMATS = pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])


@FORMATS
def test_every_kind_of_tensor_is_read_as_torch_reads_it(tmp_path: Path, zipped: bool) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool]
    state = {str(kind): base.to(kind) for kind in kinds} | {"view": base[1, :, 1:3].T, "scalar": torch.tensor(7)}
    torch.save({"model": state}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with opened(tmp_path / "a.pt") as file:
        nodes = weights("here", file.tree["model"])
        for name, found in zip(nodes, file.tensors(list(nodes.values())), strict=True):
            assert found.dtype == state[name].dtype
            assert torch.equal(found, state[name])


@FORMATS
def test_flipped_bytes_and_cuts_never_end_in_a_traceback(tmp_path: Path, zipped: bool) -> None:
    state = OrderedDict({f"module.model.{name}": torch.rand(3) for name in range(5)})
    torch.save({"model": state}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    content, rng = (tmp_path / "a.pt").read_bytes(), np.random.default_rng(0)
    path, failed = tmp_path / "b.pt", 0
    for attempt in range(200):
        flipped = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            flipped[place] ^= int(rng.integers(1, 256))
        path.write_bytes(flipped if attempt % 4 else content[: int(rng.integers(len(content)))])
        try:
            with opened(path) as file:
                tree = file.tree if isinstance(file.tree, dict) else {}
                file.tensors(list(weights("here", tree.get("model", {})).values()))
        except FeatsplitError:
            failed += 1
    assert failed > 50
