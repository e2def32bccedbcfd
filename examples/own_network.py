"""A network that was trained elsewhere: what it uses, by six commands; then the same network without a head.

    python examples/own_network.py SOURCE FOLDER          (SOURCE: cifar10, digits, folder:PATH, npz:PATH ...)

A transformer of timm, trained by a plain loop, is imported; images with its representations and images moved to its
classes are built (a standard network, so they are what the paper calls D_NR and D_rand), and fresh ResNets show what
each teaches. Then it comes in again without its head: images are matched in a layer in its middle, and a linear probe
predicts from there.
On 600 digits half a minute on a CPU. timm: pip install "featsplit[timm]".
"""

import shlex
import sys
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from torch import nn

import featsplit as fs
from featsplit.commands import app

CODE, ENCODER = (f"{Path(__file__).absolute()}:{name}" for name in ("vit", "encoder"))
MOMENTS = "--mean {0} --std {1}"


def vit(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A small transformer for images (C, H, W) of `shape`: what --factory lets a command call."""
    network: nn.Module = timm.models.VisionTransformer(
        img_size=shape[1:],
        patch_size=max(2, shape[1] // 8),
        in_chans=shape[0],
        num_classes=classes,
        embed_dim=64,
        depth=3,
        num_heads=4,
    )
    return network


def encoder(*, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The same without a head."""
    return vit(shape=shape, classes=0)


def train_elsewhere(data: fs.ImageData, weights: Path, epochs: int) -> None:
    """A plain loop that knows nothing of featsplit; images are normalised by .5 and .25."""
    torch.manual_seed(0)
    network = vit(shape=data.shape, classes=len(data.classes))
    inputs, labels = (data.train.inputs() - 0.5) / 0.25, data.train.labels
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(labels)), 64):
            loss = F.cross_entropy(network(inputs[rows]), labels[rows])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
    torch.save(network.state_dict(), weights)
    body = {name: value for name, value in network.state_dict().items() if not name.startswith("head.")}
    torch.save(body, weights.with_name("headless.pt"))


def featsplit(line: str) -> None:
    """Run a command, and show it: in a shell it is the same."""
    print(f"\n$ featsplit {line}", flush=True)
    app(shlex.split(line), standalone_mode=False)


def main(source: str, into: Path, limit: int = 10_000, epochs: int = 20) -> None:
    """Go the whole way with `limit` training images of `source`; files go to the folder `into`."""
    into.mkdir(parents=True, exist_ok=True)
    data = fs.load_data(fs.DataSpec(source, limit=limit))
    train_elsewhere(data, into / "weights.pt", epochs)
    channels = data.shape[0]
    moments = MOMENTS.format(",".join(["0.5"] * channels), ",".join(["0.25"] * channels))
    same = f"--data {source} --limit {limit}"
    how, folder = f"{moments} --trained-with standard {same}", shlex.quote(str(into))
    featsplit(f"import-model {CODE} --weights {folder}/weights.pt {how} --out {folder}/vit.safetensors")
    build = f"build-nonrobust --model {folder}/vit.safetensors --factory {CODE} {same} --steps 10"
    featsplit(f"{build} --method match --out {folder}/match.h5")
    featsplit(f"{build} --method perturb --eps 1.5 --step-size 0.2 --out {folder}/rand.h5")
    featsplit(f"transfer {folder}/match.h5 {folder}/rand.h5 --arch resnet8 --epochs 10 --out {folder}/learned")
    take = f"import-model {ENCODER} --weights {folder}/headless.pt --layer output {how}"
    featsplit(f"{take} --out {folder}/encoder.safetensors")
    middle = f"--factory {ENCODER} --layer blocks.1 {same}"
    matched = f"build-nonrobust --method match --model {folder}/encoder.safetensors {middle} --steps 10"
    featsplit(f"{matched} --out {folder}/middle.h5")
    featsplit(f"probe {folder}/encoder.safetensors {middle} --out {folder}/probed.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
