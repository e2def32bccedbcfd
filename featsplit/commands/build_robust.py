"""featsplit build-robust: D_R, by representation matching."""

from dataclasses import replace

from featsplit.commands import building, shared, single
from featsplit.records.data import DataSpec
from featsplit.records.synthesis import Match


def build_robust(
    *,
    model: building.ModelFile,
    cutting: shared.Cutting = shared.Cutting(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    match: Match = Match(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    batch_size: single.BatchSize = None,
    output: building.Output,
) -> None:
    """Build the robust data set D_R: images that an adversarially trained MODEL represents as it does the originals.

    MODEL may be an encoder without a head. With a standard model the same makes D_NR (build-nonrobust --method match):
    that is refused. A build that was killed goes on.
    """
    made_by = building.made_by("robust", model, output.out)
    images = opening.load(data)
    build = replace(output.build("robust", made_by), seed=seed, batch_size=batch_size, machine=machine.resolved())
    building.match_to_file(building.Building(model.encoder(images, cutting), images, output.out, build), match)
