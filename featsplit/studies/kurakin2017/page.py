"""The page of the study: pictures and plots, verdicts, the tables of each experiment, and the published numbers."""

from collections.abc import Sequence

from featsplit.engine.pages import Page, assembled, beside, measured_of, seeds_of
from featsplit.engine.results import Results
from featsplit.engine.study import claims_of
from featsplit.report.blocks import Block, Heading, Picture, Text
from featsplit.report.published import compared
from featsplit.studies.by_epoch import curves_of_files
from featsplit.studies.kurakin2017.claims import CLAIMS
from featsplit.studies.kurakin2017.methods import page as methods
from featsplit.studies.kurakin2017.photographs import page as photographs
from featsplit.studies.kurakin2017.pictures import PICTURES
from featsplit.studies.kurakin2017.published import BANDS, PUBLISHED, differences
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.storage import page as storage
from featsplit.studies.kurakin2017.transformations import page as transformations

SAYS = {
    "methods": "One image by each method; above each its eps in 255ths and what is predicted, how surely.",
    "photographs": "Pairs that fool as files, and simulated photographs of both; above each what the network predicts.",
}
TABLES = {
    "methods": methods.blocks,
    "transformations": transformations.blocks,
    "photographs": photographs.blocks,
    "storage": storage.blocks,
}
PLOTS = {"methods": methods.plots, "transformations": transformations.plots, "storage": storage.plots}
APART = (
    "Lecture A: the least-likely method reduces accuracy most, lecture B: at small eps too. In the paper that is so, "
    "with 1000 classes, where the least likely is one that an image has nothing of but need not be far away. With 10 "
    "classes it is the hardest aim, and the weakest method until steps suffice to reach it.",
    "Lecture B's prefilter (take only predictions that are more than .8 sure; it cuts the error by 40 to 90 %) is not "
    "the paper's. There it is the adversary who chooses: pairs that are sure before they are printed. The paper's "
    "surprise is that these are destroyed more often by the iterative methods. Both are here: prefiltered in the "
    "photographs, the gate in the storage.",
    "Lecture B's 99.9 % that become 10 % after PNG and upload are the lecture's own anecdote on CIFAR-10, mostly "
    "transfer to other networks; the paper has no such experiment. The chain takes it apart.",
    "The paper: the fast method is the most robust to transformations and photographs. On images of 16 pixels fast and "
    "basic were even, and only the least-likely method was apart: see the statements.",
    "Lecture B would have another network take most of the error. On 16 pixels that did not come out: enlarging, "
    "cropping and shrinking an image once took about as much, and a third of the clean images with it. A smaller "
    "weight decay, and rotation and colour in training, were tried: they help clean images, and the order stayed open.",
    "The gate took more than the lecture's 40 to 90 % of what still fools another network, about 95 %; and of the "
    "clean images that are predicted wrongly there as much.",
    "The paper's top 5 are of 1000 classes. Of ten the top 2 are told, which say something else.",
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    settings, claims = results.settings, claims_of(CLAIMS, results)
    chosen = [name for name in TABLES if name in settings.experiments]
    with_methods = "methods" in chosen
    return assembled(
        results,
        Page(
            f"featsplit run {settings.name}",
            _did(results),
            methods.found(results) if with_methods else measured_of(claims),
            methods.brief(results) if with_methods else [],
            figure=[block for name in chosen[:1] if name in PLOTS for block in PLOTS[name](results)],
            pictures=_pictures(results, chosen),
            claims=claims,
            sections=[
                *(block for name in chosen[1:] if name in PLOTS for block in PLOTS[name](results)),
                *(block for name in chosen for block in TABLES[name](results)),
                *curves_of_files(results),
                Heading("Where lecture, paper and measurement differ"),
                *map(Text, APART),
            ],
            folded=_published(results, chosen),
        ),
    )


def _did(results: Results[Settings]) -> str:
    data, settings = results.data, results.settings
    assert data is not None
    return (
        f"A network ({settings.model.arch}) was trained on {data.name} ({data.train} training images of "
        f"{' x '.join(map(str, data.shape))} in {len(data.classes)} classes) and attacked in linf by three methods, "
        f"and what fools it was transformed, photographed in simulation, and shown to another ({settings.other.arch}), "
        f"after Kurakin, Goodfellow and Bengio 2017 (arXiv:1607.02533): {seeds_of(results)}."
    )


def _pictures(results: Results[Settings], chosen: Sequence[str]) -> list[Block]:
    paths = {name: f"seed{results.seeds[0]}/{PICTURES[name]}" for name in PICTURES if name in chosen}
    numbers = {"methods": methods.found, "photographs": photographs.found}
    return [
        Picture(path, f"{SAYS[name]} {numbers[name](results)}")
        for name, path in paths.items()
        if (results.path / path).is_file()
    ]


def _published(results: Results[Settings], chosen: Sequence[str]) -> list[Block]:
    if "photographs" not in chosen:
        return []
    why = differences(results.settings)
    return beside(compared(results.rows, PUBLISHED, why), BANDS, why)
