"""What sections 7 to 10 and the appendix of the paper say of RBF units, ensembles, rubbish and agreement."""

import math
from typing import Literal

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim, chain
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.networks import plain, sigmoids
from featsplit.studies.goodfellow2015.rows import UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import Rows, error_above, larger, more_errors, of

FOOLED, RUBBISH = 0.85, 0.5


def alternatives_claims(results: Results[Settings]) -> list[Claim]:
    """Each of the paper's alternative explanations, and its answer."""
    rows, settings = results.rows, results.settings
    if "alternatives" not in settings.experiments:
        return []
    eps, deep = settings.eps, plain(settings).name
    made = {name: picked(rows, model="ensemble", attack=UNCLIPPED, made_for=name) for name in ("ensemble", deep)}
    trash = {name: of(rows, name, "rubbish") for name in ("softmax", deep, sigmoids(settings).name, "rbf")}
    return [
        larger(
            "Section 7: RBF units are less than half as sure of mistakes as of clean images",
            [_sure(row, "certainty") for row in of(rows, "rbf")],
            [_sure(row, "confidence") for row in of(rows, "rbf", UNCLIPPED, eps)],
            times=2.0,
        ),
        error_above(
            f"Section 9: an ensemble is fooled, examples made for it (above {FOOLED:.0%})", [made["ensemble"]], FOOLED
        ),
        error_above(
            f"Section 9: an ensemble is fooled, examples made for one (above {FOOLED:.0%})", [made[deep]], FOOLED
        ),
        error_above(
            "Appendix: softmax and maxout see a class in most rubbish", [trash["softmax"], trash[deep]], RUBBISH
        ),
        more_errors(
            "Appendix: RBF units see a class in less rubbish than softmax and maxout",
            [(trash["softmax"], trash["rbf"]), (trash[deep], trash["rbf"])],
        ),
        *_agreement(rows, deep),
    ]


def _agreement(rows: Rows, deep: str) -> list[Claim]:
    """On the examples that fool the maxout network, and on those that fool the other too."""
    found = []
    for which, words in (("of its", f"that fool {deep}"), ("of both", "that fool both of the two")):
        lines = [agreeing(rows, name, deep, which) for name in ("softmax", "rbf")]
        what = f"Section 8: of examples {words}, softmax says the same wrong class more often than RBF units"
        if all(lines):
            found.append(Claim(what, (chain(lines),)))
    return found


def agreeing(rows: Rows, model: str, other: str, which: str) -> list[NetworkRow]:
    """How often `model` gives the wrong class that `other` gives: of the examples that fool the other, or both."""
    return picked(rows, experiment=f"agreement {which}", model=model, made_for=other)


def _sure(row: NetworkRow, field: Literal["certainty", "confidence"]) -> NetworkRow:
    """How sure the network of `row` is, as a mean: of all images, or of its mistakes."""
    if field == "certainty":
        return {"seed": row["seed"], "n": row["n"], "value": row["certainty"], "error": row["certainty_error"]}
    mean, error, wrong = row["confidence"], row["confidence_error"], round(row["n"] * (1 - row["accuracy"]))
    return {"seed": row["seed"], "n": wrong, "value": mean or 0.0, "error": math.inf if error is None else error}
