"""featsplit build-robust: D_R, by representation matching."""

from pathlib import Path
from typing import Annotated

import typer

from featsplit.commands import matching, options, right_model


def build_robust(
    context: typer.Context,
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The data set to write (.h5).")],
    rule: matching.RuleName = None,
    steps: matching.Steps = None,
    step_size: matching.StepSize = None,
    start: matching.Start = None,
    tolerance: matching.Tolerance = None,
    split: options.SplitName = "train",
    dtype: options.DtypeName = "float32",
    seed: options.Seed = 0,
    resize: options.Resize = None,
    resize_mode: options.ResizeMode = None,
    limit: options.Limit = None,
    limit_test: options.LimitTest = None,
    classes: options.Classes = None,
    holdout: options.Holdout = 0.0,
    data_seed: options.DataSeed = 0,
    source: options.Source = None,
    data_root: options.DataRoot = None,
    download: options.Download = False,
    batch_size: options.BatchSize = None,
    device: options.Device = "auto",
    precision: options.PrecisionName = "auto",
    factory: options.Factory = None,
    other_classes: options.OtherClasses = False,
    trained_with: right_model.TrainedWith = None,
    any_model: right_model.AnyModel = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Build the robust data set D_R: images that an adversarially trained MODEL represents as it does the originals.

    With a standard model the same makes D_NR (build-nonrobust --method match): that is refused. A build that was killed
    goes on.
    """
    matching.build_and_tell("robust", matching.matching(context.params), context.params)
