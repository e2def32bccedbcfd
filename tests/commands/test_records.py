"""Options made of records: what is not given keeps the default of the parameter, and errors name the option."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from featsplit.commands.fields import Of, Only, changed_flags
from featsplit.commands.lazily import Grouped
from featsplit.commands.records import with_options
from featsplit.errors import FeatsplitError, check_positive

Colour = Literal["red", "green", "blue"]


@dataclass(frozen=True)
class Square:
    name: Literal["square"] = field(default="square", init=False)
    side: float = field(default=1.0, metadata={"help": "Its side."})


@dataclass(frozen=True)
class Round:
    name: Literal["circle", "ball"] = "circle"
    radius: float | None = field(default=None, metadata={"help": "Its radius.", "default": "half the side"})
    bounces: int = field(default=3, metadata={"help": "How high.", "of": ("ball",)})


@dataclass(frozen=True)
class Toy:
    colour: Colour = field(default="red", metadata={"help": "Of its paint."})
    size: float = field(default=2.0, metadata={"help": "How large.", "group": "Sizes"})
    sizes: tuple[float, ...] = field(default=(0.25, 0.5), metadata={"help": "Of its parts.", "group": "Sizes"})
    names: tuple[str, ...] | None = field(default=None, metadata={"help": "What it is called.", "unit": "NAMES"})
    shades: tuple[Colour, ...] = field(default=(), metadata={"help": "Of its shadow."})
    count: int = field(default=0, metadata={"help": "How many.", "flag": "--how-many", "min": 0})
    shiny: bool = field(default=False, metadata={"help": "Whether it shines."})
    hidden: int = 7
    shape: Square | Round | None = field(default=None, metadata={"help": "Its shape.", "group": "Shape"})

    def check(self, place: str) -> None:
        check_positive(f"{place}.size", self.size)


def run(line: str, default: Toy | None = None) -> Toy:
    """The toy that a command gets which is called with these words."""
    made = list[Toy]()

    def command(*, toy: Toy = default or Toy()) -> None:
        made.append(toy)

    call(command, line)
    return made[0]


def call(command: Any, line: str) -> str:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=Grouped)(with_options(command))
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("line", "toy"),
    [
        ("", Toy()),
        ("--colour blue", Toy(colour="blue")),
        ("--size 0.5 --how-many 4 --shiny", Toy(size=0.5, count=4, shiny=True)),
        ("--how-many 0", Toy()),
        ("--sizes 1,2.5", Toy(sizes=(1.0, 2.5))),
        ("--names ann,bob --shades red,blue", Toy(names=("ann", "bob"), shades=("red", "blue"))),
        ("--names ann --names bob,eve --sizes 1 --sizes 3/2", Toy(names=("ann", "bob", "eve"), sizes=(1.0, 1.5))),
        ("--size 1 --size 3", Toy(size=3.0)),
        ("--shape none", Toy()),
        ("--shape square", Toy(shape=Square())),
        ("--shape square --side 3", Toy(shape=Square(3.0))),
        ("--shape circle --radius 0", Toy(shape=Round("circle", 0.0))),
        ("--shape ball --bounces 9", Toy(shape=Round("ball", bounces=9))),
    ],
)
def test_a_record_is_its_default_but_for_what_is_given(line: str, toy: Toy) -> None:
    assert run(line) == toy


def test_the_default_of_the_parameter_is_that_of_the_options() -> None:
    default = Toy("green", 9.0, hidden=8, shape=Round("ball", bounces=1))
    assert run("", default) == default
    assert run("--how-many 2", default) == Toy("green", 9.0, hidden=8, count=2, shape=Round("ball", bounces=1))
    assert run("--radius 4", default).shape == Round("ball", 4.0, 1)
    assert run("--shape circle", default).shape == Round("circle", None, 1)
    assert run("--shape square", default).shape == Square()
    assert run("--shape none", default).shape is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--colour gren", '--colour = "gren": must be one of red, green, blue; did you mean "green"?'),
        ("--shades red,blu", '--shades = "blu": must be one of red, green, blue; did you mean "blue"?'),
        ("--shape squar", '--shape = "squar": must be one of none, square, circle, ball; did you mean "square"?'),
        ("--sizes 1 --sizes two", '--sizes "1,two": must be numbers with commas between them, such as 0.25,8/255'),
        ("--sizes 1,two", '--sizes "1,two": must be numbers with commas between them, such as 0.25,8/255'),
        ("--size 0", "--size = 0: must be greater than 0, and finite"),
        ("--side 0", "--side 0.0: belongs to --shape square"),
        ("--shape square --radius 1", "--radius 1.0: belongs to --shape circle or ball"),
        ("--shape circle --bounces 1", "--bounces 1: belongs to --shape ball"),
    ],
)
def test_what_does_not_fit_is_named_as_the_user_wrote_it(line: str, message: str) -> None:
    with pytest.raises(FeatsplitError) as error:
        run(line)
    assert str(error.value) == message


def test_an_error_of_the_command_itself_names_the_option_and_leaves_paths_alone() -> None:
    def command(*, toy: Toy = Toy()) -> None:
        raise FeatsplitError("toy.count = 3: is too many for toy.size, toy.hidden and toy.names/my/toy.size, toy.npz")

    with pytest.raises(FeatsplitError) as error:
        call(command, "")
    assert str(error.value) == "--how-many = 3: is too many for --size, toy.hidden and --names/my/toy.size, toy.npz"


def test_two_records_share_an_option_of_the_same_name() -> None:
    """Only the record that the method makes use of has it; the other keeps its default, whatever is given."""
    seen = list[tuple[Square, Square, Colour]]()

    def command(
        *,
        method: Annotated[Literal["a", "b"], {"help": "Which."}] = "a",
        one: Annotated[Square, Of("method", ("a",))] = Square(1.0),
        two: Annotated[Square, Of("method", ("b",))] = Square(2.0),
        tint: Annotated[Colour, {"help": "Its tint."}, Of("method", ("b",))] = "red",
    ) -> None:
        seen.append((one, two, tint))

    for line in ("", "--side 5", "--method b --side 5 --tint blue"):
        call(command, line)
    assert seen == [(Square(1), Square(2), "red"), (Square(5), Square(2), "red"), (Square(1), Square(5), "blue")]
    assert "Its side. [default: 1 (a); 2 (b)]" in call(command, "--help")
    with pytest.raises(FeatsplitError, match="--tint blue: belongs to --method b"):
        call(command, "--tint blue")


def test_a_command_may_have_some_of_the_fields_alone() -> None:
    def command(*, toy: Annotated[Toy, Only(("size", "shiny"))] = Toy(count=5)) -> None:
        assert toy == Toy(size=3.0, count=5)

    assert "--colour" not in call(command, "--help")
    call(command, "--size 3")


def test_a_field_without_a_default_must_be_given() -> None:
    @dataclass(frozen=True)
    class Place:
        path: Path = field(metadata={"help": "Where.", "flag": "--out"})

    def command(*, place: Place) -> None:
        assert place == Place(Path("x"))

    call(command, "--out x")
    app = typer.Typer(rich_markup_mode=None)
    app.command()(with_options(command))
    assert "Missing option '--out'" in CliRunner().invoke(app, []).output


def test_the_help_is_in_groups_and_tells_choices_and_defaults() -> None:
    def command(*, other: Annotated[int, typer.Option(help="Other.")] = 3, toy: Toy = Toy()) -> None: ...

    text = call(command, "--help")
    lines = text.splitlines()
    assert [line for line in lines if line.endswith(":") and not line.startswith(" ")] == [
        "Toy:",
        "Sizes:",
        "Shape:",
        "Options:",
    ]
    words = " ".join(text.split())
    for told in (
        "--colour red|green|blue Of its paint. [default: red]",
        "Of its parts. [default: 0.25,0.5]",
        "--names NAMES What it is called. --",
        "--shape none|square|circle|ball Its shape. [default: none]",
        "Its radius. [default: half the side]",
        "--shiny Whether it shines. Sizes:",
    ):
        assert told in words, told
    assert max(map(len, lines)) <= 80


def test_a_misspelt_key_of_a_field_is_a_bug_that_is_seen_at_once() -> None:
    def command(*, size: Annotated[int, {"help": "How large.", "units": "MILES"}] = 3) -> None: ...

    with pytest.raises(AssertionError, match=r"size: \{'units'\}"):
        with_options(command)


def test_a_command_without_records_is_as_it_was() -> None:
    def command(name: Annotated[str, typer.Argument(metavar="NAME")], times: int = 2) -> None:
        typer.echo(name * times)

    assert call(command, "ab --times 3") == "ababab\n"


def test_the_options_in_which_two_records_differ_are_named() -> None:
    assert changed_flags(Toy(), Toy()) == []
    assert changed_flags(Toy(size=3.0, count=1), Toy()) == ["--size", "--how-many"]


def test_a_name_of_before_is_told_what_it_is_called_now() -> None:
    about = {"help": "Its tint.", "renamed": {"crimson": "red"}}

    def command(*, tint: Annotated[Colour, about] = "blue") -> None: ...

    with pytest.raises(FeatsplitError, match='--tint = "crimson": is called "red" now'):
        call(command, "--tint crimson")
