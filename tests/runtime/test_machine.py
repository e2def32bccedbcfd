"""Devices, precision and memory formats do as they say."""

import re
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from featsplit.errors import FeatsplitError
from featsplit.models import ModelSpec, build, wrap
from featsplit.runtime import (
    Machine,
    Precision,
    arrange,
    check_precision,
    frozen,
    layout,
    placed,
    resolve_device,
)
from tests.runtime.networks import DIGIT, lived, rand


@pytest.mark.parametrize(("free", "stays"), [(199, True), (200, False)])
def test_what_takes_over_half_of_a_gpus_free_memory_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch, free: int, stays: bool
) -> None:
    tensor = torch.zeros(50, dtype=torch.float16)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    if stays:
        assert placed(tensor, "cuda:0") is tensor
    else:
        monkeypatch.setattr(Tensor, "to", lambda tensor, device: f"on {device}")
        assert str(placed(tensor, "cuda:0")) == "on cuda:0"


def test_elsewhere_it_goes_to_the_device() -> None:
    tensor = torch.zeros(50)
    assert placed(tensor, "cpu") is tensor
    assert placed(tensor, "meta").device.type == "meta"


@pytest.mark.parametrize(
    ("device", "hardware", "expected"),
    [
        ("cpu", {}, False),
        ("cpu", {"avx512"}, True),
        ("cpu", {"amx"}, True),
        ("cuda", {"avx512", "amx"}, False),
        ("cuda", {(7, 5)}, False),
        ("cuda", {(8, 0)}, True),
        ("cuda:1", {(9, 0)}, True),
        ("mps", {"avx512", "amx", (9, 0)}, False),
    ],
)
def test_auto_is_bfloat16_where_the_machine_has_it(
    device: str, hardware: set[object], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability = next((has for has in hardware if isinstance(has, tuple)), (6, 1))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: "avx512" in hardware)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: "amx" in hardware)
    assert Machine(device).half == Machine(torch.device(device)).half == expected
    assert Machine(device, "bfloat16").half
    assert not Machine(device, "bfloat16").exact.half
    if device == "cpu":
        assert frozen(lived("mlp")).half_precision == expected


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("bfloat", 'precision = "bfloat": must be one of auto, float32, bfloat16; did you mean "bfloat16"?'),
        ("half", 'precision = "half": must be one of auto, float32, bfloat16'),
    ],
)
def test_an_unknown_precision_is_refused(precision: Precision, message: str) -> None:
    for wrong in (
        lambda: frozen(lived("mlp"), Machine(precision=precision)),
        lambda: Machine(precision=precision).half,
    ):
        with pytest.raises(FeatsplitError) as caught:
            wrong()
        assert str(caught.value) == message
    with pytest.raises(FeatsplitError, match=r'^run\.precision = "'):
        check_precision("run.precision", precision)


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_a_gpu_where_there_is_one(there: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert resolve_device() == torch.device(expected)
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:99", r'device = "cuda:99": is not there \(.+\); use --device cpu'),
        ("cpu:x", r'device = "cpu:x": is not there \(.+\); use --device cpu'),
        ("cudo", r'device = "cudo": must be one of auto, cpu, cuda, cuda:0, mps; did you mean "cuda"\?'),
        ("", r'device = "": must be one of auto, cpu, cuda, cuda:0, mps'),
    ],
)
def test_a_device_that_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as caught:
        resolve_device(name)
    assert re.fullmatch(message, str(caught.value))


@pytest.mark.parametrize(
    ("arch", "width", "device", "expected"),
    [
        ("resnet8", 8, "cpu", torch.contiguous_format),
        ("resnet8", 16, "cpu", torch.channels_last),
        ("cnn", 24, "cpu", torch.contiguous_format),
        ("resnet8", 8, "cuda", torch.channels_last),
        ("linear", None, "cpu", torch.channels_last),
    ],
)
def test_channels_last_only_where_it_is_safe(
    arch: str, width: int | None, device: str, expected: torch.memory_format
) -> None:
    model = build(ModelSpec(arch, width=width), shape=(3, 8, 8), classes=3)
    assert layout(model, device) == expected


def test_only_what_has_four_dimensions_is_put_into_channels_last() -> None:
    network = nn.Sequential(nn.Conv2d(1, 16, 3), nn.Conv2d(16, 16, 3), nn.Flatten(), nn.Linear(256, 10))
    network.register_buffer("five", rand(2, 3, 4, 5, 6))
    model = wrap(network, shape=DIGIT, classes=10, mean=(0,), std=(1,))
    inputs, expected = rand(2, *DIGIT, seed=7), network(rand(2, *DIGIT, seed=7))
    arrange(model, "cpu")
    for made in (model, frozen(model)):
        assert made.body.get_parameter("1.weight").is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(made(inputs), expected)
    assert torch.equal(model.body.get_buffer("five"), rand(2, 3, 4, 5, 6))


@pytest.mark.long
def test_eight_channels_train_on_two_threads() -> None:
    """In channels_last this ends in heap corruption with torch 2.15."""
    code = """
import torch
from featsplit.data.images import ImageData, Split
from featsplit.descent import Evaluation, Normalised, minimize
from featsplit.models import ModelSpec, build
from featsplit.training import Recipe, train
torch.set_num_threads(2)
split = Split(torch.randint(0, 256, (3000, 1, 14, 14), dtype=torch.uint8), torch.arange(3000) % 10)
data = ImageData("random", tuple("0123456789"), split, split.take(torch.arange(10)))
train(build(ModelSpec("resnet8", width=8), shape=data.shape, classes=10), data, Recipe(epochs=3))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
