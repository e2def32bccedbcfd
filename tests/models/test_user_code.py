"""Networks of the user's own code: built by its name, errors in it are told, and it comes back from a checkpoint."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

from featsplit.errors import FeatsplitError
from featsplit.models import ModelSpec, build, load_model, save_model, wrap

DIGIT = (1, 8, 8)
COLOUR = (3, 8, 8)

MINE = """
import json
from torch import nn
def network(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 5), nn.Tanh(), nn.Linear(5, classes))
def small(classes): return network((1, 8, 8), classes)
def wide(shape, classes, width): return network(shape, classes)
def words(shape, classes): return "resnet"
def wrong(shape, classes):
    return "resnet" + classes
def read(text):
    return json.loads(text)
def deep(shape, classes):
    return read("{")
ready = nn.Flatten()
settings = {}
"""


BROKEN = {
    "mine_syntax": "def network(:",
    "mine_name": "import torch\nnetwork = nn.Linear\n",
    "mine_import": "\n\nimport nowhere_at_all\n",
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with the user's own module `mine_networks`, and some that cannot be imported."""
    for name, text in {"mine_networks": MINE, **BROKEN}.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *(p for p in sys.path if p)])
    importlib.invalidate_caches()


@pytest.mark.usefixtures("mine")
def test_a_factory_of_the_user_is_built_from_the_working_folder() -> None:
    model = build("mine_networks:network", shape=DIGIT, classes=3, seed=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        expected = importlib.import_module("mine_networks").network(shape=DIGIT, classes=3)
    inputs = torch.rand((3, *DIGIT))
    torch.testing.assert_close(model(inputs), expected(inputs))


AS_CALLED = "; it is called as {}(shape=(C, H, W), classes=K)"


AS_WRITTEN = "; write it as module:function, importable from here"


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("nowhere:f", f"No module named 'nowhere'{AS_WRITTEN}"),
        (":f", f"Empty module name{AS_WRITTEN}"),
        (".up:f", AS_WRITTEN),
        ("mine_networks:f", f"module 'mine_networks' has no attribute 'f'{AS_WRITTEN}"),
        ("mine_syntax:f", "importing mine_syntax raised SyntaxError: invalid syntax (mine_syntax.py, line 1)"),
        (
            "mine_name:f",
            "importing mine_name raised NameError: name 'nn' is not defined (mine_name.py, line 2)",
        ),
        (
            "mine_import:f",
            "importing mine_import raised ModuleNotFoundError: No module named 'nowhere_at_all' (mine_import.py, line "
            "3)",
        ),
        ("mine_networks:small", f"got an unexpected keyword argument 'shape'{AS_CALLED.format('small')}"),
        ("mine_networks:wide", f"missing a required argument: 'width'{AS_CALLED.format('wide')}"),
        (
            "mine_networks:ready",
            f"is a network, not a function that returns a network{AS_CALLED.format('ready')}",
        ),
        ("mine_networks:settings", f"is a dict, not a function that returns a network{AS_CALLED.format('settings')}"),
        ("mine_networks:words", "returned a str, not a torch.nn.Module"),
        (
            "mine_networks:wrong",
            'wrong raised TypeError: can only concatenate str (not "int") to str (mine_networks.py, line 10)',
        ),
        (
            "mine_networks:deep",
            "deep raised JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
            "(mine_networks.py, line 12)",
        ),
    ],
)
def test_a_factory_that_is_none_is_refused(arch: str, message: str) -> None:
    """An error inside it is told as its traceback ends, with the line; the call is blamed where it cannot be called."""
    with pytest.raises(FeatsplitError) as caught:
        build(arch, shape=DIGIT, classes=10)
    assert str(caught.value).startswith(f'model.arch = "{arch}": ')
    assert message in str(caught.value)
    assert (AS_CALLED.partition("{")[0] in str(caught.value)) == (AS_CALLED.partition("{")[0] in message)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ or "not a" in message


@pytest.mark.usefixtures("mine")
def test_a_wrapped_network_comes_back_with_its_normalisation(tmp_path: Path) -> None:
    arch, path = "mine_networks:network", tmp_path / "own.safetensors"
    network = importlib.import_module("mine_networks").network(COLOUR, 10)
    model = wrap(network, shape=COLOUR, classes=10, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.0005))
    save_model(model, path, spec=ModelSpec(arch), extra={})
    again = load_model(path, factory=arch)
    inputs = torch.rand((3, *COLOUR), generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(inputs), model.eval()(inputs))
    assert torch.equal(again.mean, torch.tensor([0.5, 0.4, 0.3]))
