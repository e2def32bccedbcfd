"""What the pages of all studies share: the order, the three sentences, reasons, and what is folded."""

from dataclasses import replace
from pathlib import Path

from featsplit.engine.pages import Page, assembled, beside, files_of, how_sure, measured_of
from featsplit.report.blocks import Block, Brief, Folded, Heading, Link, Picture, Plot, Table, Text
from featsplit.report.decisions import Check, Claim
from featsplit.report.published import Compared, Published
from tests.rows import results

CLAIMS = [
    Claim("D_R is robust", (Check("n 10", "holds", "0.6", "0.6 (0.5 to 0.7)"),)),
    Claim("D_NR is not", (Check("n 10", "undecided", "0.2", "", why="the margin is small."),)),
]
RUN = results([])
PAGE = Page(
    "A study", "It was done.", "It came out.", [["network", "clean"], ["D", "0.9"]],
    figure=[Plot("one", lambda: "<svg/>", "The figure 1.")], pictures=[Picture("a.png", "Picture 1.")], claims=CLAIMS,
    sections=[Heading("A table"), Table([["a"], ["b"]])], folded=[Folded("Numbers", [Text("apart")])],
)  # fmt: skip


def place(blocks: list[Block], block: Block) -> int:
    return blocks.index(block)


def test_every_page_has_the_same_order() -> None:
    blocks = assembled(RUN, PAGE)
    order = [
        Heading("A study", 1), Text("It was done."), Text("It came out."), Text(how_sure(RUN, CLAIMS)), *PAGE.figure,
        Heading("The images"), *PAGE.pictures, Heading("What is stated, and what holds here"), *PAGE.sections,
        Heading("The files, and how to make them again"), *PAGE.folded,
    ]  # fmt: skip
    places = [place(blocks, block) for block in order]
    assert places == sorted(places)
    assert all(isinstance(block, Folded) for block in blocks[places[-1] :]), "what few want is last, and folded"


def test_a_terminal_gets_one_table_and_the_three_sentences() -> None:
    table, sentences = [block.text for block in assembled(RUN, PAGE) if isinstance(block, Brief)]
    assert table.splitlines()[0] == "network  clean"
    assert " ".join(sentences.split()) == f"It was done. It came out. {how_sure(RUN, CLAIMS)}"
    assert max(map(len, sentences.splitlines())) <= 80


def test_how_sure_it_is_says_counts_images_seeds_and_chance() -> None:
    assert how_sure(RUN, CLAIMS) == (
        "1 of 2 statements of the paper hold here, 0 do not, 1 are undecided. Intervals, in brackets, are of 95 %, "
        "over 360 test images and one seed, so they say nothing of other seeds; chance is 0.100."
    )


def test_how_sure_it_is_says_what_the_numbers_are_over_where_that_is_not_the_test_images() -> None:
    page = replace(PAGE, over="4 attacked images")
    (sure,) = [b.text for b in assembled(RUN, page) if isinstance(b, Text) and "Intervals" in b.text]
    assert "over 4 attacked images and one seed" in sure
    assert "360" not in sure


def test_an_undecided_statement_says_why_and_what_would_decide_it() -> None:
    texts = [block.text for block in assembled(RUN, PAGE) if isinstance(block, Text)]
    assert "Undecided: D_NR is not (n 10). Measured: 0.2. The margin is small." in texts
    assert "More test images, or more --seeds, would decide it." in texts
    many = assembled(RUN, Page("A study", "", "", [], claims=[CLAIMS[1]] * 5))
    (folded,) = [block for block in many if isinstance(block, Folded) and block.title == "Why 5 are undecided"]
    assert len(folded.blocks) == 6, "five reasons are not read before the rest"


NUMBER = Published("7", "clean", 0.95, 0.92, 0.98, {})


def test_what_is_not_comparable_is_folded_with_the_reason_and_the_rest_is_not() -> None:
    apart = [Compared(NUMBER, None, verdict) for verdict in ("not comparable", "not measured")]
    (folded,) = beside(apart, "Bands.", ["other data (digits)"])
    assert isinstance(folded, Folded)
    assert folded.title == "2 published numbers that this run has nothing comparable beside"
    assert folded.blocks[0] == Text("Here nothing is comparable: other data (digits). Bands.")
    assert isinstance(folded.blocks[1], Table)
    assert [line[-1] for line in folded.blocks[1].cells[1:]] == ["not comparable", "not measured"]
    heading, _, table, rest = beside([*apart[1:], Compared(NUMBER, None, "pass")], "Bands.", [])
    assert heading == Heading("Beside the published numbers")
    assert isinstance(table, Table)
    assert [line[-1] for line in table.cells[1:]] == ["pass"]
    assert isinstance(rest, Folded)
    assert beside([], "Bands.", []) == []


def test_without_a_number_in_common_the_first_statements_say_what_came_out() -> None:
    assert measured_of(CLAIMS) == "D_R is robust: 0.6 (holds); D_NR is not: 0.2 (undecided)."
    assert measured_of([]) == "Nothing was measured that something is stated of."


def test_links_are_to_files_that_are_there(tmp_path: Path) -> None:
    for name in ("rows.json", "seed0/models/a b.safetensors", "seed0/sets/rand.h5", "seed0/models/a.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_of(replace(RUN, path=tmp_path)) == {
        "the run": [Link("rows.json", "rows.json")],
        "models, seed 0": [Link("a b.safetensors", "seed0/models/a b.safetensors")],
        "sets, seed 0": [Link("rand.h5", "seed0/sets/rand.h5")],
    }
