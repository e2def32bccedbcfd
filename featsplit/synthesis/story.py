"""What a derived set says of how it was made."""

from typing import Any

from featsplit.data.images import ImageData
from featsplit.models.checkpoints import state_digest, versions
from featsplit.models.classifier import Classifier
from featsplit.runtime import Frozen


def specification(data: ImageData, model: Classifier, network: Frozen, how: dict[str, Any]) -> dict[str, Any]:
    """All that decides what a derived file holds, as JSON values: `how` it is made, of which data, by which model.

    `network` is the model as it was run.
    """
    return {
        **how,
        "source": dict(data.origin),
        "source_name": data.name,
        "source_digest": data.digest,
        "classes": list(data.classes),
        "model_digest": state_digest(model),
        "precision": "bfloat16" if network.half_precision else "float32",
        "versions": versions(),
    }
