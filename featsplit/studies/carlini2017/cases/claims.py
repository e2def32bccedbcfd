"""What is said of the best, the average and the worst case of every attack."""

from collections.abc import Callable, Sequence

from featsplit.engine.results import Results
from featsplit.report.decisions import Check, Claim
from featsplit.report.intervals import Verdict
from featsplit.report.rows import picked
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.searching import CARLINI, NEAREST, UNTARGETED, Attack
from featsplit.studies.carlini2017.settings import Settings
from featsplit.studies.carlini2017.statements import distances, further_claim, share_claim

CASES = ("best", "average", "worst")
DEEPFOOL = Attack("deepfool", "l2", "DeepFool")


def line(rows: Sequence[CarliniRow], attack: tuple[str, ...], case: str, network: str = "standard") -> list[CarliniRow]:
    """The rows of a case of an attack, by its name and norm."""
    return picked(rows, experiment="cases", training=network, attack=attack[0], norm=attack[1], case=case)


def _ordered(results: Results[Settings]) -> list[Claim]:
    """Image by image, of every attack with targets."""
    rows = [row for row in picked(results.rows, experiment="cases") if row["attack"] not in UNTARGETED]
    if not rows:
        return []
    by_case = [distances([row for row in rows if row["case"] == case]) for case in CASES]
    right = all(
        bool((best <= average).all() and (average <= worst).all())
        for best, average, worst in zip(*by_case, strict=True)
    )
    verdict: Verdict = "holds" if right else "does not hold"
    check = Check(f"{len(by_case[0])} attacks", verdict, "for every image" if right else "not for every image", "")
    return [Claim("The best case is no further than the average, and that no further than the worst", (check,), True)]


def _always(results: Results[Settings]) -> list[Claim]:
    found = []
    distilled = Network("distilled", results.settings.hottest).name
    for network, table in (("standard", "Table IV"), (distilled, "Table VI")):
        lines = [line(results.rows, attack, "worst", network) for attack in CARLINI]
        what = f"{table}: the attacks in L0, L2 and Linf reach every target of an image, on the {network} network"
        found.append(share_claim(f"{what} (of more than 80 % of them)", lines, above=0.8))
    return found


def _others(results: Results[Settings]) -> list[Claim]:
    rows = results.rows
    l0, l2, _ = CARLINI
    jsma = [line(rows, (name, "l0"), "average") for name in ("jsma-z", "jsma-f")]
    fast, slow = (line(rows, ("least-fgsm", "linf"), case) for case in ("average", "worst"))
    return [
        further_claim(
            "Table IV: DeepFool ends further than the L2 attack in its best case (above 1.05 times)",
            [(line(rows, DEEPFOOL, "best"), line(rows, l2, "best"))],
            1.05,
        ),
        further_claim(
            "Table IV: JSMA-Z and JSMA-F change more than 3 times the pixels of the L0 attack (average case)",
            [(one, line(rows, l0, "average")) for one in jsma],
            3.0,
        ),
        share_claim("Table IV: FGS reaches fewer than 60 % of the targets (average case)", [fast], below=0.6),
        share_claim(
            "Table IV: FGS reaches all targets of fewer than 10 % of the images (worst case)", [slow], below=0.1
        ),
    ]


def _nearest(results: Results[Settings]) -> list[Claim]:
    """What is not in the paper: the package's own attacks beside those of the paper."""
    found = []
    for ours, theirs, norm in zip(NEAREST, CARLINI, ("L0", "L2", "Linf"), strict=True):
        pairs = [(line(results.rows, theirs, case), line(results.rows, ours, case)) for case in CASES]
        what = f"The attack {ours.name} ends nearer than the {norm} attack of the paper (best, average, worst case)"
        found.append(further_claim(what, pairs))
    return found


CLAIMS: tuple[Callable[[Results[Settings]], list[Claim]], ...] = (_ordered, _always, _others, _nearest)
"""The statements of Table IV, and what is known of it."""
