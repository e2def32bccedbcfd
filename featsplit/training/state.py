"""The state of training after an epoch, in a file: what was cut off goes on from it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from featsplit.data.images import digest_of_all
from featsplit.files import replacing

History = list[dict[str, float]]
"""What was measured, by epoch."""


def keep(path: Path, network: nn.Module, optimiser: torch.optim.SGD, *, key: str, history: History) -> None:
    """Write at `path` the weights of `network`, its momentum and the `history`; `key` says of which work they are."""
    tensors = {f"model.{name}": value.contiguous() for name, value in network.state_dict().items()}
    for row, parameter in enumerate(network.parameters()):
        velocity = optimiser.state[parameter].get("momentum_buffer")
        if velocity is not None:
            tensors[f"momentum.{row}"] = velocity.contiguous()
    with replacing(path) as partial:
        save_file(tensors, partial, metadata=_metadata(key, json.dumps(history), tensors))


def restore(path: Path, network: nn.Module, optimiser: torch.optim.SGD, *, key: str) -> History:
    """Take up the state at `path` and return its history; nothing where it is absent, damaged or of another `key`."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception:  # noqa: BLE001 (absent or cut off: start anew)
        return []
    if metadata != _metadata(key, metadata.get("history", ""), tensors):
        return []
    network.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
    for row, parameter in enumerate(network.parameters()):
        if (velocity := tensors.get(f"momentum.{row}")) is not None:
            buffer = torch.empty_like(parameter).copy_(velocity)
            optimiser.state[parameter]["momentum_buffer"] = buffer
    history: History = json.loads(metadata["history"])
    return history


def _metadata(key: str, history: str, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """What the file of a state says beside the `tensors`: the `digest` is that of all of it."""
    digest = hashlib.sha256(f"{key}/{history}/{digest_of_all(tensors)}".encode()).hexdigest()
    return {"key": key, "history": history, "digest": digest}
