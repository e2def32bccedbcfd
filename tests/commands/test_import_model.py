"""featsplit import-model as a user calls it: a network trained by a plain loop elsewhere makes sets here."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from typer.testing import CliRunner

from featsplit.commands import app
from featsplit.data.images import ImageData
from featsplit.data.sources import DataSpec, load_data
from featsplit.errors import FeatsplitError, FeatsplitWarning
from featsplit.models import ModelSpec, load_model
from featsplit.models.build import network_for
from featsplit.models.checkpoints import read_metadata
from featsplit.runtime import accuracy
from tests.least import call

MINE = """
from torch import nn

def make(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], 32), nn.ReLU(), nn.Linear(32, classes))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    return tmp_path


@pytest.fixture(scope="module")
def all_digits() -> ImageData:
    return load_data(DataSpec("digits"))


def train_elsewhere(digits: ImageData, steps: int = 60) -> nn.Module:
    """A network of the user's, by the user's own loop, on pixels less .3 by .4."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    inputs = (digits.train.inputs() - 0.3) / 0.4
    for _ in range(steps):
        optimiser.zero_grad()
        loss = F.cross_entropy(network(inputs), digits.train.labels)
        torch.autograd.backward(loss)
        optimiser.step()
    return network


IMPORT = "import-model ./mine.py:make --weights w.pt --mean 0.3 --std 0.4"


def test_a_network_trained_elsewhere_makes_sets_here(here: Path, all_digits: ImageData) -> None:
    network = train_elsewhere(all_digits)
    torch.save({"state_dict": network.state_dict(), "epoch": 60}, "w.pt")
    out, _ = call(f"{IMPORT} --data digits --trained-with standard --out own.safetensors")
    lines = out.splitlines()
    assert lines[0] == "own.safetensors: ./mine.py:make, standard training, for 1 x 8 x 8 images in 10 classes"
    assert lines[1] == "normalised by mean 0.3, std 0.4"
    with torch.no_grad():
        predicted = network((all_digits.test.inputs() - 0.3) / 0.4).argmax(1)
    own = float((predicted == all_digits.test.labels).float().mean())
    assert own > 0.8
    assert lines[2] == f"clean accuracy {own:.4f} on the {len(all_digits.test)} test images of digits"
    metadata = read_metadata(Path("own.safetensors"))
    assert metadata.results == {"test_accuracy": pytest.approx(own)}
    assert metadata.recipe is not None
    assert metadata.recipe["weights"] == "w.pt"
    loaded = load_model("own.safetensors", factory="./mine.py:make")
    assert accuracy(loaded, all_digits.test) == pytest.approx(own)
    with pytest.raises(FeatsplitError, match=r"to run that code, give --factory /.*/mine\.py:make"):
        call("evaluate --model own.safetensors --data digits")
    call(
        "build-nonrobust --data digits --limit 40 --model own.safetensors --factory ./mine.py:make --method perturb "
        "--norm l2 --eps 0.5 --steps 3 --step-size 0.2 --targets random --device cpu --out d.h5"
    )


def test_the_wrong_normalisation_and_fresh_weights_are_noted(here: Path, all_digits: ImageData) -> None:
    torch.manual_seed(2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    torch.save(network.state_dict(), "w.pt")
    with pytest.warns(
        FeatsplitWarning,
        match=r"its accuracy on digits is 0\.[01].*, that of always saying the most frequent class 0\.\d",
    ):
        call(f"{IMPORT} --data digits --out own.safetensors")


def test_with_classes_from_nothing_is_measured(here: Path, all_digits: ImageData) -> None:
    torch.save(train_elsewhere(all_digits, steps=1).state_dict(), "w.pt")
    out, _ = call(f"{IMPORT} --classes-from digits --trained-with 'pgd linf 8/255' --out own.safetensors")
    assert "clean accuracy" not in out
    assert "adversarial training pgd linf eps 0.0313725" in out
    metadata = read_metadata(Path("own.safetensors"))
    assert metadata.class_names == tuple("0123456789")
    assert metadata.results == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timm:resnet18 --out o.safetensors", "--data: is missing; it says which images and classes"),
        ("timm:resnet18 --data digits --classes-from digits --out o.safetensors", "--classes-from: takes the place of"),
        ("timm:resnet18 --data digits --out o.pt", r"--out o\.pt: must end in \.safetensors"),
        ("./mine.py:make --data digits --weights w.pt --mean x --out o.safetensors", '--mean "x": must be numbers'),
        ("./mine.py:make --data digits --weights none.pt --out o.safetensors", r"none\.pt: no such file"),
        ("./mine.py:make --data digits --out o.safetensors", "has no weights of its own"),
        ("resnet8 --data digits --out o.safetensors", "is an architecture of ours"),
        ("madrylab:nowhere.pt --out o.safetensors", r"nowhere\.pt: no such file"),
    ],
)
def test_what_cannot_be_imported_is_a_line(line: str, message: str, here: Path) -> None:
    result = CliRunner().invoke(app, ["import-model", *line.split()])
    assert isinstance(result.exception, FeatsplitError)
    assert result.exception.args[0]
    with pytest.raises(FeatsplitError, match=message):
        raise result.exception
    assert not Path("o.safetensors").exists()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("robustbench") is None, reason="pip install --no-deps robustbench torchdiffeq geotorch")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_network_of_robustbench_gives_its_own_logits_and_its_threat_model(tmp_path: Path) -> None:
    name = "robustbench:cifar10/Linf/Wong2020Fast"
    theirs = network_for(ModelSpec(name), shape=(3, 32, 32), classes=10).eval()
    file = tmp_path / "models" / "cifar10" / "Linf" / "Wong2020Fast.pt"
    file.parent.mkdir(parents=True)
    torch.save({"state_dict": {f"module.{key}": value for key, value in theirs.state_dict().items()}}, file)
    images = np.random.default_rng(0).integers(0, 255, (20, 32, 32, 3)).astype(np.uint8)
    labels = np.arange(20) % 10
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels, x_test=255 - images, y_test=labels)
    out = tmp_path / "wong.safetensors"
    text, _ = call(f"import-model robustbench:{file} --classes-from npz:{tmp_path}/d.npz --out {out}")
    assert "adversarial training linf eps 0.0313725" in text
    inputs = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(load_model(out)(inputs), theirs(inputs), rtol=1e-4, atol=1e-4)


def test_a_file_of_robustbench_lies_where_that_lays_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, f"import-model robustbench:{tmp_path}/a.pt --classes-from digits --out {tmp_path}/m.safetensors".split()
    )
    assert isinstance(result.exception, FeatsplitError)
    assert "must end in DATA/THREAT/NAME.pt" in str(result.exception)
