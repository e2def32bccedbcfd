"""What is wrong with a derived set of which a network can learn little: the number, the usual cause, and the cure.

A sound set is far from every bound: in the runs of benchmarks/results the median relative distance is .01 to .10, what
is left of the way .01 to .12, and the share that reached its new label .95 and more.
"""

import torch
from torch import Tensor

from featsplit.data.derived import Dtype
from featsplit.data.shards import Columns
from featsplit.records.minimum_norm import MinimumNorm
from featsplit.records.synthesis import Match, Perturb

ALIKE = 1e-3
"""Representations of two images that lie nearer to each other, as a share of their length, are the same."""
LEFT = 0.5
"""Of the way from start to goal; an image of which no more is left is nearer to its goal than to its start."""
FAR = 0.25
"""Relative distance to the goal."""
REACHED = 0.5
"""Below this share most new labels are noise: nothing in the image says them."""
LOST = 0.05
"""Share of the images that may be lost as they are stored."""
FEW = 3
"""Mislabelled images a class: from as many a network has learned to read .21 of the digits, chance being .10."""
ONE_SIDED = 0.9
"""Share of the images with one and the same label, above which the label says nothing of the image."""


def match_warnings(columns: Columns, match: Match, dtype: Dtype) -> list[str]:
    """What is wrong with a set that was matched as `match` says, its numbers as they were run: at most one thing."""
    goal, start = columns["goal_length"], columns["start_distance"]
    if float((start <= ALIKE * goal).float().mean()) > 0.5:
        return [
            f"the network represents all images alike: a start is {_share(start, goal):.1g} of a representation's "
            "length from its goal (median), so every image stays its start; the network has learned nothing, or has "
            "collapsed: use a better model"
        ]
    found_left, found_relative = _share(columns["distance"], start), _share(columns["distance"], goal)
    left, relative = _share(columns["distance_stored"], start), _share(columns["distance_stored"], goal)
    if left <= LEFT and relative <= FAR:
        return []
    says = f"the images are {relative:.2f} of a representation's length from their goals (median; 0.1 or less is usual)"
    if not left <= LEFT:
        says = f"{left:.2f} of the distance from start to goal is left (median), more than half of the way"
    if found_left <= LEFT and found_relative <= FAR:
        return [f"{says}, as stored in {dtype}; what was found is lost by rounding: --dtype float32"]
    cause = f"{_steps(match.steps or 0)} of the rule {match.rule.name} of {match.rule.step_size:.2g} did not suffice"
    cure = "raise --steps or --step-size (in a run match.steps), or use a better model"
    if match.bound is not None:
        cause = f"each image stays within {match.bound_norm} {match.bound:g} of its start"
        cure = "raise --bound (in a run match.bound), or leave it out"
    if match.tolerance > FAR:
        cause, cure = f"each image stopped at the tolerance {match.tolerance:g}", "lower --tolerance"
    return [f"{says}; {cause}: {cure}"]


def perturb_warnings(columns: Columns, perturb: Perturb, dtype: Dtype, *, robust: bool) -> list[str]:
    """What is wrong with a set that was perturbed as `perturb` says: at most one thing.

    Images whose new label is their own are left out. That a `robust` network is hard to move is what it is for: nothing
    is said then (the paper's control, Tables 9 and 10).
    """
    other = columns["target"] != columns["source_label"]
    if robust or not bool(other.any()):
        return []
    found, kept = (
        float((columns[name] == columns["target"])[other].float().mean())
        for name in ("prediction", "prediction_stored")
    )
    if found < REACHED:
        return [
            f"{100 * found:.0f} % of the images reached their new label (own labels aside), on the others it is noise; "
            f"{perturb.norm} eps {perturb.eps:g} and {_steps(perturb.steps)} of {perturb.step_size:g} are too little "
            "for this network: raise --eps or --steps (in a run perturb.eps, perturb.steps), or use a better model"
        ]
    if kept < REACHED:
        return [
            f"{100 * found:.0f} % of the images reached their new label (own labels aside), {100 * kept:.0f} % as "
            f"stored in {dtype}; the others are lost by rounding: --dtype float32"
        ]
    return []


def mislabelled_warnings(columns: Columns, classes: int) -> list[str]:
    """What is wrong with a set of wrong predictions: too few, or nearly all of them the same label."""
    labels = columns["labels"]
    if len(labels) < FEW * classes:
        return [
            f"the model predicts {len(labels)} images wrongly, {len(labels) / classes:.1f} a class: little to learn "
            "from; stop its training earlier (--epochs; in a run discussion.early_epochs)"
        ]
    commonest = float(torch.bincount(labels, minlength=classes).max()) / len(labels)
    if commonest > ONE_SIDED:
        return [
            f"{100 * commonest:.0f} % of the images have one and the same label, so it says nothing of the image; the "
            "model has learned nothing yet: train it longer (--epochs; in a run discussion.early_epochs)"
        ]
    return []


def adversarial_warnings(columns: Columns, attack: MinimumNorm, dtype: Dtype) -> list[str]:
    """What is wrong with adversarial images that `attack` found: too few of them, or lost as they are stored."""
    found = float(columns["success"].float().mean())
    goal = columns.get("target")
    stored = columns["prediction_stored"]
    kept = float((stored != columns["labels"] if goal is None else stored == goal).float().mean())
    if found < REACHED:
        steps = f" in {_steps(attack.taken)}" if attack.taken else ""
        return [
            f"{attack.name} finds an adversarial image for {100 * found:.0f} % of the images{steps}; the others are "
            "stored as they were, at distance infinity: raise --steps, or use --attack closest"
        ]
    if kept < found - LOST:
        return [
            f"{100 * found:.0f} % of the images are adversarial, {100 * kept:.0f} % as stored in {dtype}: the nearest "
            "adversarial image lies at the boundary, and is lost by rounding: --dtype float32, or --repair for uint8"
        ]
    return []


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _share(part: Tensor, whole: Tensor) -> float:
    """The median of part / whole."""
    return float((part / whole.clamp_min(1e-12)).median())
