"""Curves of training as TensorBoard shows them: a folder of its files, written by torch's own writer.

An extra, `featsplit[tensorboard]`; nothing of a run depends on it.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from featsplit.errors import FeatsplitError

FOLDER = "tensorboard"


def check_tensorboard(flag: str = "--log tensorboard") -> None:
    """Raise FeatsplitError at `flag` where TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise FeatsplitError(f'{flag}: TensorBoard is not installed; pip install "featsplit[tensorboard]"')


class Curves:
    """What is written below `folder`: one of TensorBoard's runs for each training."""

    def __init__(self, folder: Path) -> None:
        check_tensorboard()
        self.folder = folder
        self._writers: dict[str, Any] = {}

    def add(self, title: str, epoch: int, numbers: Mapping[str, float]) -> None:
        """Add the `numbers` ("loss", "test_accuracy") of the training `title` after `epoch`, counted from 1.

        What an earlier start of the same training said of this epoch and later ones is taken back.
        """
        if title not in self._writers:
            writer: Any = import_module("torch.utils.tensorboard").SummaryWriter
            self._writers[title] = writer(str(self.folder / title.replace("/", "-")), purge_step=epoch)
        for name, value in numbers.items():
            self._writers[title].add_scalar(name, value, epoch)
        self._writers[title].flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
