"""featsplit probe: a linear head on the representation of a network, for the user's own classes."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featsplit.commands import options, shared, single
from featsplit.commands.fields import Only
from featsplit.errors import warn
from featsplit.files import check_writable
from featsplit.records.data import DataSpec
from featsplit.records.probes import LinearProbe, Ridge

if TYPE_CHECKING:
    from featsplit.metadata.models import ModelMetadata


@dataclass(frozen=True)
class Head:
    """How the head is fitted."""

    method: LinearProbe = field(
        default_factory=Ridge, metadata={"help": "Least squares in closed form, or softmax regression by SGD."}
    )

    def check(self, place: str = "head") -> None:
        """Raise FeatsplitError at `place` where a setting is out of its range."""
        self.method.check(place)


def probe(
    *,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A checkpoint (.safetensors); it needs no head.")],
    use: Annotated[shared.ModelUse, Only(("factory",))] = shared.ModelUse(),
    cutting: shared.Cutting = shared.Cutting(),
    data: DataSpec,
    opening: shared.Opening = shared.Opening(),
    head: Head = Head(),
    seed: single.Seed = 0,
    machine: shared.MachineOptions = shared.MachineOptions(),
    out: Annotated[Path, {"help": "The checkpoint to write (.safetensors).", "unit": "FILE", "group": "Output"}],
    overwrite: single.Overwrite = False,
) -> None:
    """Fit a linear head on the representation of MODEL, which stays as it is, and measure it on the test images.

    With it an encoder predicts labels, so that it can be attacked and evaluated, and makes D_rand and D_det.
    """
    from featsplit.data.chance import chance_of
    from featsplit.models.checkpoints import load_model, model_spec, read_metadata, save_model, versions
    from featsplit.runtime import accuracy
    from featsplit.training.probing import fit_head

    options.check_suffix(out, ".safetensors")
    check_writable(out, overwrite=overwrite)
    metadata, images, on = read_metadata(model), opening.load(data), machine.resolved()
    body = cutting.of(load_model(model, factory=use.factory), str(model))
    found = fit_head(body, images, head.method, seed=seed, machine=on)
    clean = accuracy(found.to(on.device), images.test)
    spec = model_spec(metadata)
    if cutting.layer is not None:
        classes = spec.built_for or metadata.classes or None
        spec = replace(spec, layer=cutting.layer, pool=cutting.pool or "mean", built_for=classes)
    extra = {
        "class_names": list(images.classes),
        "data_digest": images.digest,
        "trained_on": images.name,
        "recipe": {**(metadata.recipe or {}), "probe": asdict(head.method)},
        "results": {"test_accuracy": clean},
        "seed": seed,
        "versions": versions(),
    }
    save_model(found.cpu(), out, spec=spec, extra=extra)
    _say(out, metadata, found.head.in_features, clean, images.name)
    chance = chance_of(images.test.labels)
    if chance.explains(clean):
        warn(
            f"{out}: predicts {clean:.3f} of the test images, and always saying the most frequent class "
            f"{chance.share:.3f}: the representation tells nothing of these classes; "
            "name another --layer, or --mean and --std at its import"
        )


def _say(out: Path, metadata: "ModelMetadata", features: int, clean: float, data: str) -> None:
    typer.echo(f"{out}: a head on {features} features of {metadata.network}")
    typer.echo(f"clean accuracy {clean:.4f} on the test images of {data}")
