"""The derived sets of a run, each in its file: made with the run's networks, and taken up where they are there."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from featsplit.files import nothing_written_since
from featsplit.metadata.derived_sets import DerivedSet
from featsplit.metadata.made_by import MadeBy, ModelCard, card_of
from featsplit.models.checkpoints import read_metadata
from featsplit.studies.ilyas2019.networks import Network, adversarial
from featsplit.studies.ilyas2019.stages import Stages
from featsplit.studies.ilyas2019.tested import SplitName
from featsplit.synthesis import Build, build_match, build_mislabelled, build_perturb

Summary = Mapping[str, float]


class Making(NamedTuple):
    """A set that is to be made: the `derived` set of `split`, with the network `maker` and an `ensemble` beside it.

    `only` is the one shard of it that is made.
    """

    derived: DerivedSet
    maker: Network
    ensemble: Sequence[Network] = ()
    split: SplitName = "train"
    only: int | None = None


def ensure_set(stages: Stages, making: Making) -> Summary:
    """The set, in its file; returns the file's summary."""
    began, path = time.perf_counter(), stages.set_file(making.derived.name, making.split)
    if making.derived.made_by.method == "mislabelled":
        summary = _mislabel(stages, path, making)
    else:
        summary = _made(stages, path, making)
    kept = nothing_written_since(began)
    stages.tell(f"build {path.stem}", began=began, figures=_figures(making.derived, summary), kept=kept)
    return summary


def make_shard(stages: Stages, making: Making) -> None:
    """The shard that is to be made alone, for `ensure_set` to take up."""
    began, path = time.perf_counter(), stages.set_file(making.derived.name)
    _made(stages, path, making)
    stages.worker.keep_time(stages.folder, f"build {path.stem}, the longest shard", began=began)


def _made(stages: Stages, path: Path, making: Making) -> Summary:
    """The set, or a shard, whose images are made from others."""
    return (_match if making.derived.made_by.method == "match" else _perturb)(stages, path, making)


def _figures(derived: DerivedSet, summary: Summary) -> str:
    """What a line of progress says of a set."""
    match derived.made_by.method:
        case "match":
            return f"relative distance {summary['relative_distance']:.3f}, {summary['runs']:.0f} calls"
        case "perturb":
            return f"success {summary['success']:.3f}, as stored {summary['success_stored']:.3f}"
        case _:
            return f"{summary['share']:.3f} of the images"


def _match(stages: Stages, path: Path, making: Making) -> Summary:
    match = replace(stages.settings.match, start=making.derived.made_by.start)
    build = _build(stages, making, MadeBy(_card(stages, making.maker)))
    return build_match(path, stages.network(making.maker), stages.data, match, build=build)


def _perturb(stages: Stages, path: Path, making: Making) -> Summary:
    made = making.derived.made_by
    control = adversarial(stages.settings) if made.control else None
    made_by = MadeBy(_card(stages, making.maker), _card(stages, control) if control else None)
    return build_perturb(
        path,
        stages.network(making.maker),
        stages.data,
        replace(stages.settings.perturb, targets=made.targets),
        control=stages.network(control) if control else None,
        ensemble=[stages.network(other) for other in making.ensemble],
        build=_build(stages, making, made_by),
    )


def _mislabel(stages: Stages, path: Path, making: Making) -> Summary:
    build = _build(stages, making, MadeBy(_card(stages, making.maker)))
    return build_mislabelled(path, stages.network(making.maker), stages.data, build=build)


def _build(stages: Stages, making: Making, made_by: MadeBy) -> Build:
    return Build(
        seed=stages.seed,
        dtype=stages.settings.dtype,
        machine=stages.machine,
        name=making.derived.name,
        made_by=made_by,
        split=making.split,
        overwrite=True,
        shard=stages.worker.shard,
        only=making.only,
    )


def _card(stages: Stages, network: Network) -> ModelCard:
    """The network as a set of the same seed tells of it: its file is relative to their folder."""
    return card_of(network.file, read_metadata(stages.network_file(network)))
