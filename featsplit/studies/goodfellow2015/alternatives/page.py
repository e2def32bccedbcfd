"""The part of the page that tells of the paper's alternative explanations."""

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.alternatives.claims import agreeing
from featsplit.studies.goodfellow2015.networks import plain, sigmoids
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import of
from featsplit.studies.goodfellow2015.tables import cell

WHAT = (
    "RBF units, p_k = exp(-sum a (x - mu)^2), not normalised and trained one class against the rest, are sure near "
    "their centres and nowhere else: they err, but are not sure of it. Rubbish is Gaussian noise of variance 1: an "
    "error is a probability above 1/2 for some class. (A softmax has to be sure of something; a network with a "
    "sigmoid for each class need not, and neither need RBF units.) An ensemble averages probabilities."
)
AGREES = (
    "Of the examples that fool one network, how many another gives the same wrong class; and of those that fool both. "
    "The paper takes it as a sign that networks that resist linear perturbations less learn much the same linear map."
)


def section(results: Results[Settings]) -> list[Block]:
    """What came out of the alternatives."""
    members = results.settings.alternatives.ensemble
    return [
        Heading("RBF units, ensembles, rubbish, agreement"),
        Text(WHAT),
        Table(networks_table(results)),
        Heading(f"An ensemble of {members} maxout networks", 3),
        Table(ensemble_table(results)),
        Heading("The same mistake", 3),
        Text(AGREES),
        Table(agreement_table(results)),
    ]


def networks_table(results: Results[Settings]) -> Cells:
    """How sure each network is of clean images, of fast examples that it errs on, and of rubbish."""
    settings, rows = results.settings, results.rows
    head = [
        "network",
        "clean error",
        "mean probability",
        f"error of FGSM linf {settings.eps:g} (how sure)",
        "rubbish seen as something (how sure)",
    ]
    table = [head]
    for name in ("softmax", plain(settings).name, sigmoids(settings).name, "rbf"):
        clean = of(rows, name)
        certain = spread([row["certainty"] for row in clean], digits=2)
        attacked, trash = of(rows, name, UNCLIPPED, settings.eps), of(rows, name, "rubbish")
        table.append([name, cell(clean, sure=False), certain, cell(attacked), cell(trash)])
    return table


def ensemble_table(results: Results[Settings]) -> Cells:
    """Errors of the ensemble, clean and on both kinds of examples."""
    rows, own = results.rows, plain(results.settings).name
    lines = {
        "clean": picked(rows, model="ensemble", attack="none"),
        "FGSM made for the ensemble": picked(rows, model="ensemble", attack=UNCLIPPED, made_for="ensemble"),
        "FGSM made for one of them": picked(rows, model="ensemble", attack=UNCLIPPED, made_for=own),
    }
    return [["images", "error (how sure)"], *([name, cell(found)] for name, found in lines.items())]


def agreement_table(results: Results[Settings]) -> Cells:
    """How often two networks make the same mistake."""
    table = [["says the same wrong class as", "of the examples that fool that one", "of those that fool both"]]
    own = plain(results.settings).name
    for model, other in (("softmax", own), ("rbf", own), ("rbf", "softmax")):
        found = [agreeing(results.rows, model, other, which) for which in ("of its", "of both")]
        table.append([f"{model} as {other}", *(Interval.short(accuracy(rows)) if rows else "" for rows in found)])
    return table
