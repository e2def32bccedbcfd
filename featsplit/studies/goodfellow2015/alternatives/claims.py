"""What sections 7 to 10 and the appendix of the paper say of RBF units, ensembles, rubbish and agreement."""

from featsplit.engine.results import Results
from featsplit.report.decisions import Claim
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
        *(
            more_errors(
                f"Section 8: on examples that fool {words}, softmax agrees with it more than RBF units do", [(b, a)]
            )
            for words, a, b in (
                (f"{deep}", agreeing(rows, "softmax", deep, "of its"), agreeing(rows, "rbf", deep, "of its")),
                (
                    f"{deep} and them",
                    agreeing(rows, "softmax", deep, "of both"),
                    agreeing(rows, "rbf", deep, "of both"),
                ),
            )
        ),
    ]


def agreeing(rows: Rows, model: str, other: str, which: str) -> list[NetworkRow]:
    """How often `model` gives the wrong class that `other` gives: of the examples that fool the other, or both."""
    return picked(rows, experiment=f"agreement {which}", model=model, made_for=other)


def _sure(row: NetworkRow, field: str) -> NetworkRow:
    """How sure the network of `row` is, as a mean; an image's own varies by less than 1/2, which bounds its error."""
    wrong = row["n"] if field == "certainty" else round(row["n"] * (1 - row["accuracy"]))
    mean = row["certainty"] if field == "certainty" else (row["confidence"] or 0.0)
    return {"seed": row["seed"], "n": wrong, "value": mean, "error": (mean * (1 - mean)) ** 0.5 / max(wrong, 1) ** 0.5}
