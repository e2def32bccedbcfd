"""Statements on rows made by hand: they hold where they are true by far, and do not where they are turned round."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from featsplit.engine.study import claims_of
from featsplit.outcomes import packed
from featsplit.report.decisions import Claim
from featsplit.studies.kurakin2017 import CLAIMS
from featsplit.studies.kurakin2017.rows import KurakinRow
from featsplit.studies.kurakin2017.storage.chain import STAGES
from featsplit.studies.kurakin2017.storage.claims import refused
from featsplit.studies.kurakin2017.transformations.images import RANGES
from tests.rows import results

N = 2000
SETTINGS = ["eps=[4,8]", "transformed=[8,16]", "photographed=[4,8]", "stored=[8]"]


def bits(share: float, draw: int) -> str:
    """Outcomes of which this share is right."""
    right = np.random.default_rng(draw).random(N) < share
    return packed(torch.from_numpy(right))


def row(accuracy: float, experiment: str, method: str, levels: int | None, draw: int = 0) -> KurakinRow:
    """A row whose images come back with this chance, and half of which count."""
    outcomes = bits(accuracy, draw)
    of: KurakinRow = {"experiment": experiment, "attack": method, "n": N, "accuracy": accuracy, "outcomes": outcomes}
    of |= {"seed": 0, "images": "same", "counted": bits(0.5, 99), "of": N // 2, "norm": None, "eps": None}
    return (
        {**of, "rate": accuracy} if levels is None else {**of, "levels": levels, "eps": levels / 255, "rate": accuracy}
    )


def verdicts(rows: Sequence[KurakinRow], experiment: str) -> dict[str, str]:
    """The verdict on each statement of an experiment."""
    found: list[Claim] = claims_of(
        CLAIMS, results(rows, preset="kurakin2017-digits", overrides=[*SETTINGS, f'experiments=["{experiment}"]'])
    )
    return {claim.what: claim.verdict for claim in found}


def about(found: dict[str, str], words: str) -> set[str]:
    """The verdicts on the statements that have these words."""
    chosen = {verdict for what, verdict in found.items() if words in what}
    assert chosen, (words, list(found))
    return chosen


def by_eps(fast: float, basic: float, least: float, noise: float) -> list[KurakinRow]:
    """Accuracies at eps 4, and less of each at 8."""
    values = {"fast": fast, "basic": basic, "least-likely": least, "noise": noise}
    found = [row(0.9, "methods", "none", None)]
    for draw, (method, value) in enumerate(values.items()):
        found += [row(value, "methods", method, 4, draw), row(0.7 * value, "methods", method, 8, draw)]
    return found


def test_the_methods_in_the_order_of_ten_classes() -> None:
    found = verdicts(by_eps(0.3, 0.2, 0.6, 0.85), "methods")
    assert about(found, "accuracy falls with eps") == {"holds"}
    assert about(found, "no more accuracy than the fast one") == {"holds"}
    assert about(found, "it is the weakest of the three") == {"holds"}
    assert about(found, "leaves the least accuracy at small eps") == {"does not hold"}
    assert about(found, "Noise of the same size") == {"holds"}


def test_the_methods_turned_round() -> None:
    found = verdicts(by_eps(0.3, 0.5, 0.1, 0.05), "methods")
    assert about(found, "no more accuracy than the fast one") == {"does not hold"}
    assert about(found, "it is the weakest of the three") == {"does not hold"}
    assert about(found, "leaves the least accuracy at small eps") == {"holds"}
    assert about(found, "Noise of the same size") == {"does not hold"}


def transformed(fast: float, basic: float, least: float, mild: float) -> list[KurakinRow]:
    """Destruction rates at eps 8, less at 16, and of brightness and contrast only a part, `mild`, of them."""
    found = [row(0.0, "transformations", "none", None)]
    values = {"fast": fast, "basic": basic, "least-likely": least}
    for name, strengths in RANGES.items():
        for strength in strengths:
            for draw, (method, value) in enumerate(values.items()):
                part = value * (mild if name in ("brightness", "contrast") else 1)
                for levels, share in ((8, part), (16, part / 2)):
                    one = row(share, "transformations", method, levels, draw)
                    found.append({**one, "transformation": name, "strength": strength})
    return found


def test_transformations_in_the_order_of_the_paper() -> None:
    found = verdicts(transformed(0.2, 0.4, 0.8, 0.3), "transformations")
    assert len(found) == len(RANGES) + 2 + 3 + 1
    assert set(found.values()) == {"holds"}


def test_transformations_turned_round() -> None:
    found = verdicts(transformed(0.4, 0.2, 0.1, 2.0), "transformations")
    assert about(found, "destroys most of what was aimed") == {"does not hold"}
    assert about(found, "brightness and contrast each destroy less") == {"does not hold"}
    assert about(found, "the fast method's examples are the most robust") == {"does not hold"}
    assert about(found, "less is destroyed at a larger eps") == {"holds"}


@pytest.mark.parametrize(("chosen", "verdict"), [(0.6, "holds"), (0.1, "does not hold")])
def test_prefiltered_images_that_are_destroyed_more_or_less_than_average_ones(chosen: float, verdict: str) -> None:
    rows = list[KurakinRow]()
    for draw, method in enumerate(("fast", "basic", "least-likely")):
        for levels in (4, 8):
            for case, share in (("average", 0.3), ("prefiltered", chosen)):
                rows.append({**row(share, "photographs", method, levels, draw), "case": case})
    found = verdicts(rows, "photographs")
    assert about(found, "basic method: images that the adversary chose are destroyed more") == {verdict}
    turned = "does not hold" if verdict == "holds" else "holds"
    assert about(found, "fast method: images that the adversary chose are destroyed less") == {turned}


def chain(right: dict[str, tuple[float, float, float, float]]) -> list[KurakinRow]:
    """Which share comes back at each stage, of the methods by name; half of all pass the gate."""
    found = list[KurakinRow]()
    for method, shares in right.items():
        levels = None if method.startswith("closest") else 8
        for stage, share in zip(STAGES, shares, strict=True):
            found.append({**row(share, "storage", method, levels), "stage": stage, "accepted": bits(0.5, 50)})
    return found


def test_a_chain_that_loses_most_at_the_other_network() -> None:
    of = dict.fromkeys(("fast", "basic", "least-likely"), (0.0, 0.0, 0.1, 0.6))
    nearest = {f"closest {norm}": (0.0, 0.7, 0.7, 0.7) for norm in ("l2", "linf")}
    mended = {f"{name}, repaired": (0.0, 0.0, 0.7, 0.7) for name in nearest}
    found = verdicts(chain({**of, **nearest, **mended}), "storage")
    assert len(found) == 4 + 3 + 3
    assert set(found.values()) == {"holds"}


def test_the_gate_refuses_of_those_that_still_fool() -> None:
    """Of 0.9 that come back a tenth still fools, of which half pass."""
    rows = chain({"fast": (0.9, 0.9, 0.9, 0.9)})
    (counted,) = refused(rows, "fast", 8, "8-bit")
    assert counted.counted.sum() == pytest.approx(0.1 * N / 2, abs=20)
    assert counted.rate == pytest.approx(0.5, abs=0.15)


def test_a_chain_that_loses_most_before_and_a_repair_that_fails() -> None:
    of = dict.fromkeys(("fast", "basic", "least-likely"), (0.0, 0.0, 0.6, 0.7))
    nearest = {f"closest {norm}{end}": (0.0, 0.2, 0.7, 0.7) for norm in ("l2", "linf") for end in ("", ", repaired")}
    found = verdicts(chain({**of, **nearest}), "storage")
    assert about(found, "another network takes most of the error") == {"does not hold"}
    assert about(found, "8 bits undo more than a third") == {"does not hold"}
    assert about(found, "single levels repair them") == {"does not hold"}


def test_a_file_that_changes_predictions_is_told() -> None:
    stored: list[KurakinRow] = [{**row(0.0, "stored", "fast", 8), "changed": changed} for changed in (0, 3)]
    found = verdicts(stored, "storage")
    assert about(found, "A file of 8 bits changes nothing") == {"does not hold"}
    assert about(verdicts(stored[:1], "storage"), "A file of 8 bits changes nothing") == {"holds"}
