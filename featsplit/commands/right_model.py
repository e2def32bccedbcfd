"""Whether the model that a set is built with was trained as the set needs; the checkpoint tells, or its user."""

from fractions import Fraction
from pathlib import Path

from featsplit.errors import FeatsplitError, unknown, warn
from featsplit.geometry import check_threat
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.metadata.made_by import MadeBy, ModelCard, card_of
from featsplit.metadata.training import NETWORKS, STANDARD, Training, training_of

EXAMPLE = '"pgd l2 0.5"'
INSTEAD = {
    "robust": "for that, give featsplit build-nonrobust --method match the same options",
    "nonrobust": "for that, give featsplit build-robust the same options, without --method",
}
"""The command for what would be made; for other sets it is the same command with --any-model."""


def right_models(
    name: str, model: Path, control: Path | None = None, *, stated: str | None, any_model: bool, out: Path
) -> MadeBy:
    """What the set `name` at `out` will say of its networks; `stated` is how its user says that `model` was trained.

    Raises FeatsplitError where the model or the control was not trained as the set needs, unless `any_model`. Of one
    that does not tell it warns.
    """
    card = _card(model, None if stated is None else parse_training(stated))
    control_card = None if control is None else _card(control)
    needs = DERIVED_SETS[name].made_by.needs
    wrong = [_wrong_model(name, card)] if card.training.kind not in (needs, "not told") else []
    wrong += [_wrong_control(control_card)] if control_card and control_card.training.kind == "standard" else []
    if wrong and not any_model:
        raise FeatsplitError(wrong[0])
    _warn_of_untold(card, control_card, out)
    return MadeBy(card, control_card, bool(wrong))


def parse_training(text: str, place: str = "--trained-with") -> Training:
    """The training that `text` tells: "standard" or "none", or attack, norm and eps, such as "pgd l2 0.5"."""
    words = text.replace(",", " ").split()
    if words in (["standard"], ["none"]):
        return STANDARD
    try:
        attack, norm, size = words
        eps = float(Fraction(size))
    except (ValueError, ZeroDivisionError) as error:
        rule = f'must be standard, or an attack, a norm and an eps, such as {EXAMPLE} or "pgd linf 8/255"'
        raise FeatsplitError(f'{place} "{text}": {rule}') from error
    if attack not in ("pgd", "fgsm"):
        raise unknown(f"{place}: attack", attack, ("pgd", "fgsm"))
    check_threat(place, norm, eps)
    return Training("adversarial", attack, norm, eps) if eps else STANDARD


def _card(path: Path, stated: Training | None = None) -> ModelCard:
    """The card of the checkpoint at `path`; FeatsplitError where it tells another training than the user."""
    from featsplit.models.checkpoints import read_metadata

    metadata = read_metadata(path)
    known = training_of(metadata.recipe)
    if stated is None or known.kind == "not told":
        return card_of(str(path), metadata, stated)
    if not _agree(known, stated):
        raise FeatsplitError(f"--trained-with: {stated}, but {path} tells of {known}; leave the option out")
    return card_of(str(path), metadata)


def _agree(known: Training, stated: Training) -> bool:
    """Whether what the user states is what the checkpoint says, as far as both say it."""
    pairs = [(known.kind, stated.kind), (known.attack, stated.attack), (known.norm, stated.norm)]
    near = known.eps is None or stated.eps is None or abs(known.eps - stated.eps) < 1e-3 * known.eps
    return near and all(left is None or right is None or left == right for left, right in pairs)


def _wrong_model(name: str, card: ModelCard) -> str:
    derived = DERIVED_SETS[name]
    cure = f"{INSTEAD[name]}; --any-model insists" if name in INSTEAD else "for that, add --any-model"
    return (
        f"--model {card.file}: {card.training}; must be {NETWORKS[derived.made_by.needs]} for {derived.symbol}, "
        f"and this would make {derived.otherwise}: {cure}"
    )


def _wrong_control(control: ModelCard) -> str:
    return (
        f"--control {control.file}: {control.training}; must be {NETWORKS['adversarial']}, and this would take the "
        "non-robust features for leaked ones: featsplit train --adversary pgd makes one; --any-model insists"
    )


def _warn_of_untold(card: ModelCard, control: ModelCard | None, out: Path) -> None:
    if card.training.kind == "not told":
        warn(
            f"{card.file}: does not tell how it was trained, and {out} will say so; tell it with "
            f"--trained-with {EXAMPLE} or --trained-with standard"
        )
    if control is not None and control.training.kind == "not told":
        warn(
            f"--control {control.file}: does not tell how it was trained, and {out} will say so; it is a control only "
            "if that was adversarially"
        )
