"""Only the wrong predictions of a network, kept with the labels it gave (Wallace 2019).

From the discussion of the paper, distill.pub/2019/advex-bugs-discussion, "Learning from incorrectly labeled data": the
training images that an early-stopped network predicts wrongly, labelled as it predicts. No label is right, nothing is
perturbed, and a fresh network still learns to predict the true test labels: what the labels say of the features that
the network had learned is passed on. D_rand and D_det are the same with images that were perturbed first.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from featsplit.data.derived import Dtype, as_stored, check_dtype, write_derived
from featsplit.data.images import ImageData
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.metadata.made_by import MadeBy
from featsplit.models.classifier import Classifier
from featsplit.runtime import frozen, predict
from featsplit.synthesis.checks import mislabelled_warnings
from featsplit.synthesis.specification import specification


def build_mislabelled(
    path: Path,
    model: Classifier,
    data: ImageData,
    *,
    split: Literal["train", "test"] = "train",
    dtype: Dtype = "float32",
    device: torch.device | str = "cpu",
    extra: Mapping[str, object] | None = None,
    made_by: MadeBy | None = None,
    overwrite: bool = False,
) -> dict[str, float]:
    """Write the images of `split` that `model` predicts wrongly to `path`, labelled as it predicts; return the summary.

    Raises FeatsplitError where these are fewer than there are classes: nothing could be learned from them.
    """
    check_dtype(dtype)
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen = data.train if split == "train" else data.test
    network = frozen(model, device, precision="float32")
    predicted = predict(network, chosen)
    wrong = (predicted != chosen.labels).nonzero()[:, 0]
    if len(wrong) < model.classes:
        raise FeatsplitError(
            f"{path}: the model predicts {len(wrong)} of {len(chosen)} images wrongly; stop its training earlier "
            "(--epochs)"
        )

    def compute(rows: Tensor) -> Columns:
        index = wrong[rows]
        known = {"labels": predicted[index], "source_index": index, "source_label": chosen.labels[index]}
        return known | {"images": as_stored(chosen.inputs(index), dtype)}

    return write_derived(
        path,
        compute,
        lambda columns: {"share": len(columns["labels"]) / len(chosen)},
        total=len(wrong),
        batch_size=1024,
        spec=specification(data, model, network, method="mislabelled", split=split, dtype=dtype, extra=extra),
        examine=partial(mislabelled_warnings, classes=model.classes),
        made_by=made_by,
        overwrite=overwrite,
    )
