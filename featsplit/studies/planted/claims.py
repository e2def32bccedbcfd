"""What each set of planted data is known to keep and to lose, at each amplitude."""

import statistics
from collections.abc import Mapping, Sequence

from featsplit.engine.results import Results
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.decisions import Claim
from featsplit.report.known import known
from featsplit.report.rows import picked
from featsplit.studies.ilyas2019.planted import KEEPS, KEPT, LOSES
from featsplit.studies.planted.rows import SweptRow
from featsplit.studies.planted.settings import Settings

CURE = ". Usual cause: networks that have learned too little; --set train.epochs=, or more images."


def kept_and_lost(rows: Sequence[SweptRow], sets: Mapping[float, Sequence[str]]) -> list[Claim]:
    """What each set keeps and loses; `sets` are those of which that is known, by amplitude."""
    return [
        _kept_and_lost(picked(rows, experiment="planted", amplitude=amplitude, train_set=name), name, amplitude)
        for amplitude, names in sets.items()
        for name in names
    ]


def claims(results: Results[Settings]) -> list[Claim]:
    """The claims on a run."""
    settings = results.settings
    return kept_and_lost(results.rows, {amplitude: settings.known_sets(amplitude) for amplitude in settings.amplitudes})


CLAIMS = (claims,)


def _kept_and_lost(rows: Sequence[SweptRow], name: str, amplitude: float) -> Claim:
    shares = {
        component: statistics.fmean(row["kept"] for row in picked(rows, component=component))
        for component in ("robust", "nonrobust")
    }
    keeps, loses = shares.pop(KEPT[name]), *shares.values()
    says = (
        f"it keeps {keeps:.2f} of the {KEPT[name]} component (known: {KEEPS:g} or more) and {loses:.2f} of "
        f"the other ({LOSES:g} or less)"
    )
    holds = keeps >= KEEPS and loses <= LOSES
    what = f"{DERIVED_SETS[name].symbol} at amplitude {amplitude:g}"
    return known(what, "holds" if holds else "does not hold", says + ("." if holds else CURE))
