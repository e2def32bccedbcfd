"""What section 6 of the paper says of adversarial training, and what else is known of it now."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.networks import adversarial, clipped, controls, plain
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import error_above, larger, more_errors, of

FOOLED = 0.85


def adversarial_claims(results: Results[Settings]) -> list[Claim]:
    """Of the paper: training, controls, transfer, filters; and that other attacks find more."""
    rows, settings = results.rows, results.settings
    if "adversarial" not in settings.experiments:
        return []
    eps, own, usual = settings.eps, adversarial(settings).name, plain(settings).name
    noisy = [of(rows, one.name, UNCLIPPED, eps) for one in controls(settings)]
    fast, clean = of(rows, own, UNCLIPPED, eps), of(rows, usual)
    by_other = {name: picked(rows, experiment="adversarial", model=name, attack=UNCLIPPED) for name in (own, usual)}
    local = {
        name: picked(rows, experiment="adversarial", model=name, measure="energy in a tenth of the pixels")
        for name in (own, usual)
    }
    iterated = of(rows, own, "pgd", eps)
    return [
        more_errors(
            "Section 6: adversarial training lowers the error on fast examples",
            [(of(rows, usual, UNCLIPPED, eps), fast)],
        ),
        error_above(
            f"Section 6: training on noise does not help (errors above {FOOLED:.0%}: signs, uniform)", noisy, FOOLED
        ),
        more_errors(
            "Section 6: both controls err more on fast examples than adversarial training",
            [(line, fast) for line in noisy],
        ),
        more_errors(
            "Section 6: the plain network's examples fool the adversarial one less than the other way round",
            [(by_other[usual], by_other[own])],
        ),
        larger("Section 6, Figure 3: the filters become more local", local[own], local[usual]),
        more_errors("Section 6: adversarial training lowers the clean error", [(clean, of(rows, own))]),
        more_errors(
            "Now known: clipped to [0, 1], fast examples fool the adversarial network more",
            [(of(rows, own, "fgsm", eps), fast)],
        ),
        more_errors(
            "Now known: PGD finds more than the fast method, clipped alike", [(iterated, of(rows, own, "fgsm", eps))]
        ),
        more_errors(
            "Trained on clipped examples, the network errs less on clipped ones",
            [(of(rows, own, "fgsm", eps), of(rows, clipped(settings).name, "fgsm", eps))],
        ),
    ]
