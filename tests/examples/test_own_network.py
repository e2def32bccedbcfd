"""The example goes the whole way, and each of its commands does what it says."""

import runpy
from pathlib import Path

import pytest

from featsplit.data.derived import verify
from featsplit.metadata.models import read_model_metadata
from featsplit.metadata.sets import read_set_metadata

SCRIPT = Path(__file__).parents[2] / "examples" / "own_network.py"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::featsplit.errors.FeatsplitWarning")
def test_a_network_trained_elsewhere_goes_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(SCRIPT))["main"]("digits", tmp_path, 400, 25)
    told = capsys.readouterr().out
    results = [read_model_metadata(tmp_path / f"{name}.safetensors") for name in ("vit", "encoder", "probed")]
    assert results[0].results["test_accuracy"] > 0.5
    assert (results[1].layer, results[1].pool, results[1].classes) == ("output", "mean", 0)
    assert results[2].layer == "blocks.1"
    assert results[2].results["test_accuracy"] > 0.4
    assert results[2].recipe is not None
    assert results[2].recipe["adversary"] is None, "the probe leaves how the network was trained"
    for name in ("match", "rand", "middle"):
        assert "images" in verify(tmp_path / f"{name}.h5")
    assert read_set_metadata(tmp_path / "middle.h5").spec.parameters["layer"] == "blocks.1"
    assert read_set_metadata(tmp_path / "match.h5").summary["relative_distance"] < 0.2
    line = next(line for line in told.splitlines() if line.startswith("match") and "resnet8" in line)
    assert float(line.split()[2]) > 0.4, "what the representations keep teaches the labels"
