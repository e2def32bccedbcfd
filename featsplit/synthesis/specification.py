"""All that decides what a derived set holds, as its file's metadata have it."""

from collections.abc import Mapping

from featsplit.data.images import ImageData
from featsplit.metadata.plain import as_json
from featsplit.metadata.sets import SetSpec, set_spec
from featsplit.models.checkpoints import state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.runtime import Frozen


def specification(
    data: ImageData,
    model: Classifier,
    network: Frozen,
    *,
    method: str,
    split: str,
    dtype: str,
    parameters: Mapping[str, object] | None = None,
    seed: int | None = None,
    extra: Mapping[str, object] | None = None,
) -> SetSpec:
    """The SetSpec of a set made of the `split` of `data` with `model`; `network` is the model as it was run.

    `parameters` (JSON values) are those of the `method`. `extra` joins the JSON of the file: {"set": NAME} names it.
    """
    spec = SetSpec(
        method=method,
        parameters=as_json(parameters or {}),
        source=as_json(data.origin),
        split=split,
        source_name=data.name,
        source_digest=data.digest,
        classes=data.classes,
        model_digest=state_digest(model),
        seed=seed,
        dtype=dtype,
        precision="bfloat16" if network.half_precision else "float32",
        versions=versions(),
    )
    return set_spec({**spec.plain(), **as_json(extra or {})})
