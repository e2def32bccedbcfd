"""The networks of a run: what each is, how it is trained, and which experiments want it."""

from dataclasses import dataclass, replace

from featsplit.models import ModelSpec
from featsplit.randomness import stage_key
from featsplit.records.training import Adversary, Recipe
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.training import Way

RBF = "featsplit.studies.goodfellow2015.rbf:rbf"
PLAIN = Way()


@dataclass(frozen=True)
class Network:
    """A network of a run, called `name`, of an `architecture`; on images of a `size`, where not the run's own.

    `member`: networks of one member begin with the same weights and see the same batches. `closely`: it is attacked by
    PGD and for the nearest adversarial images too. `given` is the checkpoint of the user's that stands in its place.
    """

    name: str
    architecture: str
    spec: ModelSpec
    way: Way
    recipe: Recipe
    size: int | None = None
    member: int = 0
    closely: bool = False
    given: str | None = None

    @property
    def stem(self) -> str:
        """As it stands in the names of files."""
        return self.name.replace(" ", "-")

    @property
    def file(self) -> str:
        """Where it lies, in the folder of its seed."""
        return f"models/{self.stem}.safetensors"

    @property
    def told(self) -> Recipe:
        """Its recipe as its file tells it: with the adversary of its way."""
        adversary = Adversary("fgsm", "linf", self.way.eps) if self.way.moved == "fgsm" else None
        return replace(self.recipe, adversary=adversary)

    def seed(self, seed: int) -> int:
        """The seed of its initial weights and of its training, in a run of this `seed`."""
        return stage_key(seed, f"network/{self.architecture}/{self.member}") % 2**31


def softmax(settings: Settings, way: Way = PLAIN, *, size: int | None = None) -> Network:
    """Softmax regression, trained in a `way`; on images of a `size`, if given."""
    named = [] if way == PLAIN else [way.name]
    name = " ".join(["softmax", *named, *([f"{size}x{size}"] if size else [])])
    return Network(name, "softmax", ModelSpec("linear"), way, settings.softmax.recipe(), size)


def maxout(settings: Settings, way: Way = PLAIN, *, member: int = 0, closely: bool = False) -> Network:
    """A maxout network, trained in a `way`; one of several."""
    named = [] if way == PLAIN else [way.name]
    name = " ".join(["maxout", *named, *([str(member + 1)] if member else [])])
    spec, recipe = ModelSpec("maxout", width=settings.width), settings.maxout.recipe()
    return Network(name, "maxout", spec, way, recipe, member=member, closely=closely)


def rbf(settings: Settings) -> Network:
    """A network of RBF units."""
    return Network("rbf", "rbf", ModelSpec(RBF), Way(top="exp"), settings.rbf.recipe())


def sigmoids(settings: Settings) -> Network:
    """A maxout network with a sigmoid for each class in the place of the softmax."""
    return maxout(settings, Way("sigmoids", top="sigmoid"))


def adversarial(settings: Settings) -> Network:
    """The maxout network that is adversarially trained, as in the paper: not clipped."""
    network = maxout(settings, Way("adversarial", "fgsm", settings.eps), closely=True)
    return replace(network, given=settings.networks.adversarial)


def plain(settings: Settings) -> Network:
    """The maxout network that is trained as usual."""
    network = maxout(settings, closely="adversarial" in settings.experiments)
    return replace(network, given=settings.networks.standard)


def controls(settings: Settings) -> list[Network]:
    """Trained on noise of the same size: random signs, and uniform."""
    ways = [Way("signs", "signs", settings.eps), Way("uniform", "uniform", settings.eps)]
    return [maxout(settings, way, closely=True) for way in ways]


def clipped(settings: Settings) -> Network:
    """Adversarially trained on images in [0, 1]."""
    return maxout(settings, Way("adversarial clipped", "fgsm", settings.eps, clip=True), closely=True)


def decayed(settings: Settings) -> list[Network]:
    """The networks of the experiment "decay" beyond the plain ones, softmax regression first."""
    own = settings.decay
    shallow = [Way(f"adversarial {eps:g}", "fgsm", eps) for eps in own.softmax_adversarial]
    shallow += [Way(f"l1 {size:g}", l1=size) for size in own.softmax_l1]
    deep = [Way(f"l1 {size:g}", l1=size) for size in own.maxout_l1]
    return [*(softmax(settings, way) for way in shallow), *(maxout(settings, way) for way in deep)]


def ensemble(settings: Settings) -> list[Network]:
    """The maxout networks of the ensemble, the first of which is the plain one."""
    return [plain(settings), *(maxout(settings, member=one) for one in range(1, settings.alternatives.ensemble))]


def by_size(settings: Settings) -> list[Network]:
    """Softmax regression at each size."""
    return [softmax(settings, size=size) for size in settings.linear.sizes]


def networks(settings: Settings) -> list[Network]:
    """Every network that the experiments want, once, those that take long first."""
    chosen, wanted = settings.experiments, list[Network]()
    if "adversarial" in chosen:
        wanted += [adversarial(settings), clipped(settings), *controls(settings)]
    if "decay" in chosen:
        wanted += [adversarial(settings), *reversed(decayed(settings))]
    if "alternatives" in chosen:
        wanted += [*ensemble(settings), sigmoids(settings), rbf(settings)]
    if any(name in chosen for name in ("linear", "confidence", "decay", "adversarial")):
        wanted += [plain(settings)]
    if any(name in chosen for name in ("confidence", "decay", "alternatives")):
        wanted += [softmax(settings)]
    if "linear" in chosen:
        wanted += by_size(settings)
    return list(dict.fromkeys(wanted))
