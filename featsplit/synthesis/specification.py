"""All that decides what a derived set holds, as its file's metadata have it."""

from collections.abc import Mapping

from featsplit.data.images import ImageData
from featsplit.metadata.plain import Json, as_json
from featsplit.metadata.sets import SetSpec
from featsplit.models.checkpoints import state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.runtime import Frozen
from featsplit.synthesis.building import Build


def specification(
    build: Build,
    data: ImageData,
    model: Classifier,
    *,
    network: Frozen,
    method: str,
    parameters: Mapping[str, Json],
    drawn: bool = True,
) -> SetSpec:
    """The SetSpec of a set that is built of `data` with `model`; `network` is the model as it was run.

    `parameters` are those of the `method`; where nothing was `drawn`, the set has no seed.
    """
    return SetSpec(
        method=method,
        parameters=parameters,
        source=as_json(data.origin),
        split=build.split,
        name=build.name,
        source_name=data.name,
        source_digest=data.digest,
        classes=data.classes,
        model_digest=state_digest(model),
        seed=build.seed if drawn else None,
        dtype=build.dtype,
        precision="bfloat16" if network.half_precision else "float32",
        versions=versions(),
    )
