"""Only the wrong predictions of a network, kept with the labels it gave (Wallace 2019).

From the discussion of the paper, distill.pub/2019/advex-bugs-discussion, "Learning from incorrectly labeled data": the
training images that an early-stopped network predicts wrongly, labelled as it predicts. No label is right, nothing is
perturbed, and a fresh network still learns to predict the true test labels: what the labels say of the features that
the network had learned is passed on. D_rand and D_det are the same with images that were perturbed first.
"""

from functools import partial
from pathlib import Path

from torch import Tensor

from featsplit.data.derived import as_stored, write_derived
from featsplit.data.images import ImageData
from featsplit.data.shards import Columns
from featsplit.errors import FeatsplitError
from featsplit.models.classifier import Classifier
from featsplit.runtime import frozen, predict
from featsplit.synthesis.building import Build
from featsplit.synthesis.checks import mislabelled_warnings
from featsplit.synthesis.specification import specification


def build_mislabelled(
    path: Path,
    model: Classifier,
    data: ImageData,
    *,
    build: Build = Build(),
) -> dict[str, float]:
    """Write the images of a split that `model` predicts wrongly to `path`, labelled as it predicts; return the summary.

    Raises FeatsplitError where these are fewer than there are classes: nothing could be learned from them.
    """
    build.check()
    model.expect(data.name, shape=data.shape, classes=len(data.classes))
    chosen, network = build.images(data), frozen(model, build.machine.exact)
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
        return known | {"images": as_stored(chosen.inputs(index), build.dtype)}

    return write_derived(
        path,
        compute,
        lambda columns: {"share": len(columns["labels"]) / len(chosen)},
        total=len(wrong),
        batch_size=1024,
        spec=specification(build, data, model, network=network, method="mislabelled", parameters={}, drawn=False),
        examine=partial(mislabelled_warnings, classes=model.classes),
        made_by=build.made_by,
        overwrite=build.overwrite,
        shard=build.shard,
        only=build.only,
    )
