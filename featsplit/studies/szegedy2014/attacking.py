"""Images distorted until a network predicts a wrong class drawn for each, and what other networks make of them.

The images are those that all networks of a table predict rightly, so that an error is one of the distortion. Each
image has the same target for all networks.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor

from featsplit.attacks import szegedy_lbfgs
from featsplit.data.images import Split, digest_of
from featsplit.engine.jobs import Worker
from featsplit.errors import FeatsplitError
from featsplit.files import json_digest
from featsplit.geometry import column, lengths
from featsplit.models.checkpoints import decisive, state_digest
from featsplit.outcomes import IDENTITY, packed_numbers
from featsplit.randomness import integers, torch_generator
from featsplit.runtime import Frozen, batches
from featsplit.studies.szegedy2014.models.exact import nearest_linear
from featsplit.studies.szegedy2014.networks import GROUPS, Network
from featsplit.studies.szegedy2014.rows import LBFGS, SzegedyRow, Which
from featsplit.studies.szegedy2014.stages import Place, Stages, keep_tensors, kept_tensors
from featsplit.studies.szegedy2014.works import AT_ONCE, about_network, counted


class Chosen(NamedTuple):
    """The images (N, C, H, W) that are attacked, with their labels and the wrong classes that they are to become."""

    inputs: Tensor
    labels: Tensor
    targets: Tensor


class Distorted(NamedTuple):
    """The `chosen` images, what has become of them (N, C, H, W), and the `distance` (N,) of that."""

    chosen: Chosen
    images: Tensor
    distance: Tensor


@dataclass(frozen=True)
class AttackNetwork:
    """Distort images for `network`, and show them to all networks of its `group`, "models" or "halves"."""

    place: Place
    group: str
    network: Network

    def __call__(self, worker: Worker) -> Sequence[SzegedyRow]:
        """A row of each network of the group; of the halves also with the distortion amplified."""
        began, stages = time.perf_counter(), Stages(worker, self.place)
        networks = {network.name: stages.ready(network) for network in GROUPS[self.group]}
        chosen = choose(stages, self.group, list(networks.values()))
        found = self._distorted(stages, networks[self.network.name], chosen)
        rows, distance = self._rows(stages, networks, found), found.distance
        far = distance[distance.isfinite()].mean() / chosen.inputs[0].numel() ** 0.5
        figures = f"distortion {float(far):.4f}, {int(distance.isfinite().sum())} of {len(distance)}"
        worker.tell(
            stages.folder, f"seed {self.place.seed}", f"attack {self.network.file}", began=began, figures=figures
        )
        return rows

    def _distorted(self, stages: Stages, network: Frozen, chosen: Chosen) -> Distorted:
        """The images made for `network`: kept in a file, for they take long."""
        path, settings = distorted_file(stages.folder, self.network), stages.settings
        of = [digest_of(tensor) for tensor in chosen]
        search = [settings.attack_iterations, settings.bisections]
        key = json_digest({"of": of, "network": state_digest(network), "search": search, "versions": decisive()})
        kept = kept_tensors(path, key)
        if kept is None:
            found = szegedy_lbfgs(
                network,
                chosen.inputs,
                chosen.targets,
                iterations=settings.attack_iterations,
                bisections=settings.bisections,
                targeted=True,
            )
            kept = {**chosen._asdict(), "distorted": found.inputs, "distance": found.distance}
            keep_tensors(path, kept, key)
        return Distorted(chosen, kept["distorted"], kept["distance"])

    def _rows(self, stages: Stages, networks: dict[str, Frozen], found: Distorted) -> list[SzegedyRow]:
        inputs, labels, _ = found.chosen
        shown: dict[Which, Tensor] = {"as found": found.images}
        if self.group == "halves":
            stretched = amplified(inputs, found.images, stages.settings.amplified)
            shown |= {"amplified": stretched, "amplified, clipped": stretched.clamp(0, 1)}
        known = self._exact(networks[self.network.name], found.chosen)
        rows = []
        for other in GROUPS[self.group]:
            for which, images in shown.items():
                with torch.no_grad():
                    right = networks[other.name](images).argmax(dim=1) == labels
                own = known if (other, which) == (self.network, "as found") else {}
                rows.append({**self._about(other, which, found), **counted(right), **own})
        return [cast(SzegedyRow, row) for row in rows]

    def _about(self, other: Network, which: Which, found: Distorted) -> SzegedyRow:
        about = {**about_network(other), "attack": LBFGS, "norm": "l2", "eps": None, "made_for": self.network.name}
        about |= {"split": "train" if self.group == "models" else "test", "moment": which, "seed": self.place.seed}
        about |= {"images": digest_of(found.chosen.inputs)[:IDENTITY], "distances": packed_numbers(found.distance)}
        return cast(SzegedyRow, {**about, "success": float(found.distance.isfinite().float().mean())})

    def _exact(self, network: Frozen, chosen: Chosen) -> SzegedyRow:
        """Of a linear network the least distances: to the drawn class, to the nearest and to the furthest."""
        if not self.network.is_linear:
            return {}
        distances = nearest_linear(chosen.inputs, chosen.labels, weight=network.head.weight, bias=network.head.bias)
        own = distances.gather(1, chosen.targets[:, None])[:, 0]
        wrong = distances.scatter(1, chosen.labels[:, None], torch.inf)
        least = wrong.amin(dim=1)
        most = distances.scatter(1, chosen.labels[:, None], 0.0).amax(dim=1)
        return {"exact": packed_numbers(own), "nearest": packed_numbers(least), "furthest": packed_numbers(most)}


def distorted_file(folder: Path, network: Network) -> Path:
    """Where the distorted images made for `network` lie, in the `folder` of a seed."""
    return folder / "distorted" / f"{network.file}.safetensors"


def choose(stages: Stages, group: str, networks: Sequence[Frozen]) -> Chosen:
    """The images of a table, drawn by the seed among those that all `networks` predict rightly; with their targets."""
    split, seed = stages.data.train if group == "models" else stages.data.test, stages.seed
    right = torch.stack([predicted(network, split) == split.labels for network in networks]).all(dim=0)
    order = torch.randperm(len(split), generator=torch_generator(seed, f"szegedy2014/images/{group}"))
    rows = order[right[order]][: stages.settings.images]
    if not len(rows):
        raise FeatsplitError(f"images: there is none that all networks of {group} predict rightly; train them longer")
    labels = split.labels[rows]
    drawn = integers(seed, f"szegedy2014/targets/{group}", rows, networks[0].classes - 1)
    return Chosen(split.inputs(rows), labels, drawn + (drawn >= labels))


def predicted(network: Frozen, split: Split) -> Tensor:
    """The class that `network` predicts of each image, (N,)."""
    with torch.no_grad():
        return torch.cat([network(split.inputs(rows)).argmax(dim=1) for rows in batches(len(split), AT_ONCE)])


def amplified(inputs: Tensor, distorted: Tensor, rms: float) -> Tensor:
    """The images with each distortion stretched to this `rms` a pixel; not clipped."""
    delta = distorted - inputs
    length = lengths(delta, "l2").clamp_min(1e-12)
    return inputs + column(rms * delta[0].numel() ** 0.5 / length, delta) * delta
