"""The published ResNet-50s: their own logits in ours, and nothing in their files is run, whatever it is."""

import os
import pickle
import sys
import types
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import featsplit
from featsplit.commands import app
from featsplit.errors import FeatsplitError
from featsplit.models import Classifier, build, madrylab
from featsplit.models.checkpoints import load_model, read_metadata, state_digest
from featsplit.models.madrylab import load_madrylab

MEAN, STD = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
FORMATS = pytest.mark.parametrize("zipped", [False, True], ids=["as torch 1.1", "zip"])
dill = import_module("dill")


class Runs:
    """Unpickled as usual, it makes the file whose path it was given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


class Rebuilt:
    """Pickled as a tensor is, of what it was given."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, (*self.arguments, False, OrderedDict())


@pytest.fixture(scope="module")
def theirs() -> nn.DataParallel[nn.Module]:
    """robustness' own model in DataParallel, as it trains it, with statistics that are not those of a fresh network."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
        torch.manual_seed(3)
        network = import_module("robustness.cifar_models").resnet50(num_classes=10)
        attacker = import_module("robustness.attacker").AttackerModel(
            network, types.SimpleNamespace(mean=MEAN, std=STD)
        )
        network(torch.randn(4, 3, 32, 32))
    return nn.DataParallel(attacker)


def write(path: Path, state: Any, *, zipped: bool = True, **more: Any) -> Path:
    """A checkpoint as robustness writes it, with dill: what lies beside the weights is of classes that nobody has."""

    class Parameters:
        def __init__(self) -> None:
            self.params, self.rate = {"arch": "resnet50"}, lambda epoch: 0.1 * epoch

    info = {
        "model": state,
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": np.float64(0.1)}]},
        "schedule": Parameters(),
        "epoch": 150,
        **more,
    }
    torch.save(info, path, pickle_module=dill, _use_new_zipfile_serialization=zipped)
    return path


@pytest.fixture(scope="module")
def _fresh() -> Classifier:
    return build("resnet50", shape=(3, 32, 32), classes=10)


@pytest.fixture
def _at_once(_fresh: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same network each time in the place of one built anew, which takes most of a second."""
    monkeypatch.setattr(madrylab, "build", lambda *_, **__: _fresh)


@pytest.fixture(scope="module")
def thin(theirs: nn.Module) -> dict[str, Tensor]:
    """A state of the same names and shapes, each of one number, so that files of it are small."""
    return OrderedDict((name, torch.full((), 0.5).expand(tensor.shape)) for name, tensor in theirs.state_dict().items())


def refused(path: Path) -> str:
    with pytest.raises(FeatsplitError) as error:
        load_madrylab(path)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}: ")


@FORMATS
def test_the_network_gives_their_logits(theirs: nn.DataParallel[nn.Module], tmp_path: Path, zipped: bool) -> None:
    path = write(tmp_path / "cifar_nat.pt", theirs.state_dict(), zipped=zipped)
    images = torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    model = featsplit.load_madrylab(str(path))
    with torch.no_grad():
        expected, _ = theirs.eval().module(images)
        assert torch.equal(model(images), expected)
        assert torch.equal(model.head(model.representation(images)), expected)
    assert (model.training, model.shape, model.classes) == (False, (3, 32, 32), 10)
    assert torch.equal(model.mean, MEAN)
    assert torch.equal(model.std, STD)


def test_the_command_makes_a_checkpoint_of_ours(theirs: nn.Module, tmp_path: Path) -> None:
    path, out = write(tmp_path / "cifar_l2_0_5.pt", theirs.state_dict()), tmp_path / "l2.safetensors"

    def call(line: str) -> str:
        result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert call(f"import-model madrylab:{path} --out {out}").startswith(
        f"{out}: resnet50 of 3 x 32 x 32 images and 10 classes"
    )
    assert state_digest(load_model(out)) == state_digest(load_madrylab(path))
    assert (read_metadata(out).class_names or ())[9] == "truck"
    told = call(f"info {out}")
    assert "trained on   cifar10" in told
    assert "adversary    norm l2, eps 0.5" in told
    assert "imported from cifar_l2_0_5.pt, sha256 " in told
    with pytest.raises(FeatsplitError, match=r"l2\.safetensors: exists; give another --out, or --overwrite"):
        call(f"import-model madrylab:{path} --out {out}")
    with pytest.raises(FeatsplitError, match=r"is a file, no set; .* featsplit import-model madrylab:"):
        call(f"import-madrylab {path} --set robust --out {tmp_path}/s.h5")
    with pytest.raises(FeatsplitError, match=r"--mean: is not for madrylab:FILE"):
        call(f"import-model madrylab:{path} --mean 0.5 --out {out} --overwrite")
    with pytest.raises(FeatsplitError, match=r"--out .*l2\.h5: must end in \.safetensors"):
        call(f"import-model madrylab:{path} --out {tmp_path}/l2.h5")


@pytest.mark.usefixtures("_at_once")
@FORMATS
def test_what_lies_beside_the_weights_is_skipped_and_not_run(
    thin: dict[str, Tensor], tmp_path: Path, zipped: bool
) -> None:
    marker = tmp_path / "run"
    path = write(tmp_path / "a.pt", thin, zipped=zipped, schedule=Runs(marker), amp=[{1: Runs(marker)}])
    model = load_madrylab(path)
    assert not marker.exists()
    assert model.head.weight.eq(0.5).all()
    assert model.mean.eq(0.5).all()
    torch.load(path, pickle_module=dill, weights_only=False)
    assert marker.exists(), "the file is as bad as it should be"


@FORMATS
@pytest.mark.parametrize("name", ["module.model.conv1.weight", "module.attacker.model.conv1.weight", "new"])
def test_among_the_weights_it_is_refused_by_its_name(
    thin: dict[str, Tensor], tmp_path: Path, name: str, zipped: bool
) -> None:
    marker = tmp_path / "run"
    path = write(tmp_path / "a.pt", OrderedDict({**thin, name: Runs(marker)}), zipped=zipped)
    assert refused(path) == "model names posix.system; weights are tensors and nothing else, and nothing is run"
    assert not marker.exists()


@pytest.mark.parametrize("where", ["hooks", "size", "metadata", "key", "whole"])
def test_it_is_found_wherever_it_hides(thin: dict[str, Tensor], tmp_path: Path, where: str) -> None:
    class Hiding:
        def __reduce__(self) -> Any:
            rebuild = torch._utils._rebuild_tensor_v2
            size = (Runs(marker),) if where == "size" else (1,)
            hooks = {"hook": Runs(marker)} if where == "hooks" else OrderedDict()
            return rebuild, ("no storage", 0, size, (1,), False, hooks)

    marker = tmp_path / "run"
    state: Any = OrderedDict({**thin, "module.model.conv1.weight": Hiding()} if where in ("hooks", "size") else thin)
    if where == "metadata":
        state._metadata = {"": Runs(marker)}
    elif where == "key":
        state[Runs(marker)] = torch.ones(1)
    path = write(tmp_path / "a.pt", Runs(marker) if where == "whole" else state)
    assert refused(path) == "model names posix.system; weights are tensors and nothing else, and nothing is run"
    assert not marker.exists()


@pytest.mark.usefixtures("_at_once")
def test_no_name_in_a_file_is_imported(
    thin: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named_in_a_file.py").write_text("class Schedule: pass\nclass Dict(dict): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = import_module("named_in_a_file")
    path = write(tmp_path / "a.pt", thin, schedule=[named.Schedule(), named.Schedule, named.Dict(a=1)])
    monkeypatch.delitem(sys.modules, "named_in_a_file")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled by another than ours")

    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load"), (dill, "load"), (dill, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)
    load_madrylab(path)
    assert "named_in_a_file" not in sys.modules


def without(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if key != name}


RULE = "weights must be those of the ResNet-50 for CIFAR-10 in robustness"


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: without(s, "module.model.linear.bias"), f'has no "model.linear.bias"; {RULE}'),
        (lambda s: without(s, "module.normalizer.new_std"), f'has no "normalizer.new_std"; {RULE}'),
        (
            lambda s: s | {"module.model.linear.weight": torch.zeros(100, 2048)},
            f'"model.linear.weight" is (100, 2048), not (10, 2048); {RULE}',
        ),
        (
            lambda s: s | {"module.model.fc.bias": torch.zeros(1)},
            f'has "model.fc.bias", which no such network has; {RULE}',
        ),
        (
            lambda s: s | {"module.normalizer.new_std": torch.zeros(3, 1, 1)},
            '"normalizer.new_std" has numbers that no network can use; copy it again',
        ),
        (
            lambda s: s | {"module.model.bn1.bias": torch.full((64,), torch.nan)},
            '"model.bn1.bias" has numbers that no network can use; copy it again',
        ),
        (lambda s: s | {"epoch": 3}, 'model["epoch"] is no plain tensor; weights are tensors and nothing else'),
        (
            lambda s: s | {"x": Rebuilt("no storage", 0, (1,), (1,))},
            'model["x"] is no plain tensor; weights are tensors',
        ),
        (lambda s: s | {"x": Rebuilt(0, -1, (1,), (1,))}, 'model["x"] is no plain tensor; weights are tensors'),
        (lambda s: list(s.values()), "model is no state_dict; must be tensors by name"),
        (
            lambda s: s | {"x": torch.zeros(3).to_sparse()},
            "model names torch._utils._rebuild_sparse_tensor; weights are",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    thin: dict[str, Tensor], tmp_path: Path, change: Callable[[dict[str, Tensor]], Any], message: str
) -> None:
    assert refused(write(tmp_path / "a.pt", change(dict(thin)))).startswith(message)


def test_a_file_of_something_else_is_refused(thin: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    none = 'holds no "model"; must be a dict with one, as robustness saves it'
    for value in ([1, 2], thin, torch.ones(3)):
        torch.save(value, path)
        assert refused(path) == none
    assert refused(tmp_path / "none.pt") == "no such file"
    path.write_bytes(pickle.dumps({"model": 3}))
    assert refused(path).startswith("is damaged or no file of torch.save (it does not begin as one); copy it again")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/b", "c")
    assert refused(path) == "is damaged or no file of torch.save (no data.pkl in it); copy it again"


@pytest.mark.usefixtures("_at_once")
def test_older_names_are_understood(thin: dict[str, Tensor], tmp_path: Path) -> None:
    """`state_dict` for `model`, a network that was in no DataParallel, and parameters in the place of tensors."""
    state = {name.removeprefix("module."): nn.Parameter(t, requires_grad=False) for name, t in thin.items()}
    torch.save({"state_dict": state}, tmp_path / "a.pt")
    assert load_madrylab(tmp_path / "a.pt").head.bias.eq(0.5).all()
