"""The example of the README runs as it stands."""

import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_runs(every_part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets_out").mkdir()
    (tmp_path / "datasets_out" / "digits").symlink_to(every_part)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 1
    names = dict[str, object]()
    exec(blocks[0], names)
    assert isinstance(found := names["found"], torch.Tensor)
    assert found.shape == (8, 1, 8, 8)
