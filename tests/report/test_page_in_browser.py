"""The page in a real browser: sorted, copied, stepped through, read without a script, and checked for accessibility.

The browser is Debian's chromium, never downloaded; where it or playwright is absent nothing of this is tested.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from featsplit.report.cells import as_csv, as_latex
from tests.report.pages import CLASSES, MEASURED, SETS, drawn, written

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra dev has it)")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH (Debian: apt install chromium)"),
    pytest.mark.slow,
]
Scheme = Literal["light", "dark"]
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]

PATIENCE = 4000
"""Milliseconds until what does not come has failed."""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """One chromium for all of these tests."""
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can have."""
    return written(tmp_path_factory.mktemp("page"))


@contextmanager
def opened(browser: "Browser", file: Path, before: str = "", **options: Any) -> "Iterator[Page]":
    """The page, ready, after the script `before`; an error on it, or a request but for the file, fails the test."""
    with browser.new_context(**options) as context:
        page, wrong = context.new_page(), list[str]()
        page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else wrong.append(asked.url))
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.set_default_timeout(PATIENCE)
        page.add_init_script(before)
        page.goto(file.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_function("performance.getEntriesByName('explorer').length")
        yield page
        assert wrong == []


@pytest.fixture
def page(browser: "Browser", file: Path) -> "Iterator[Page]":
    """The page, ready, in a window of 1280 pixels."""
    with opened(browser, file, viewport={"width": 1280, "height": 900}) as found:
        yield found


def column(page: "Page", number: int) -> list[str]:
    """The cells of a column of the table of accuracies."""
    return page.locator("table").nth(1).locator(f"tbody tr > :nth-child({number})").all_text_contents()


def pixels(page: "Page", selector: str) -> NDArray[np.uint8]:
    """What is drawn on a canvas, (H, W, 3)."""
    script = """canvas => [canvas.height, canvas.width,
        ...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""
    height, width, *values = page.eval_on_selector(selector, script)
    return np.array(values, np.uint8).reshape(height, width, 4)[:, :, :3]


def where(page: "Page") -> str:
    return page.locator("[data-part=where]").inner_text()


def choose(page: "Page", name: str) -> None:
    page.locator("[data-part=set]").select_option(label=name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 400])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: "Browser", file: Path, scheme: Scheme, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (the extra dev)")
    with opened(browser, file, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.locator("summary").click()
        found = axe.Axe().run(page).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        assert [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in grave] == []
        assert page.evaluate("document.body.scrollWidth") <= width


def test_a_column_is_sorted_by_its_button_as_numbers_and_again_the_other_way(page: "Page") -> None:
    head = page.locator("table").nth(1).locator("thead th")
    for name, up in (
        ("clean", ["-0.2 (-0.3 to 0.1)", "0.25", "0.344 (0.152 to 0.539)", "0.594 ± 0.013", "0.994 (0.978 to 1.000)"]),
        ("pgd l2 0.5", ["1e-3", "0.438 (0.288 to 0.589)", "none found", "-", ""]),
        ("trained on", ["D", "D_2", "D_10", "E", "F"]),
    ):
        number = MEASURED[0].index(name)
        there = [cell for cell in up if cell not in ("", "-")]
        page.get_by_role("button", name=name).click()
        assert column(page, number + 1) == up
        assert head.nth(number).get_attribute("aria-sort") == "ascending"
        page.get_by_role("button", name=name).press("Enter")
        assert column(page, number + 1) == [*reversed(there), *up[len(there) :]], "what is empty is last all the same"
        assert [one.get_attribute("aria-sort") for one in head.all()].count(None) == 3
        assert head.nth(number).get_attribute("aria-sort") == "descending"
    assert page.locator("table").nth(2).locator("thead button").count() == 0, "which is not sortable"


def test_a_table_is_copied_as_the_command_writes_it(browser: "Browser", file: Path) -> None:
    clipboard = (
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => {window.text = text}}})"
    )
    with opened(browser, file, clipboard) as page:
        for name, text in (("CSV", as_csv(MEASURED)), ("LaTeX", as_latex(MEASURED))):
            page.get_by_role("button", name=f"Copy as {name}").first.click()
            page.wait_for_function("window.text")
            assert page.evaluate("window.text") == text
            assert page.get_by_role("status").filter(has_text="copied").count() == 1
            page.evaluate("window.text = ''")


def test_without_a_clipboard_a_table_is_copied_by_a_field_or_by_hand(browser: "Browser", file: Path) -> None:
    none = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
    taken = "document.execCommand = () => {window.text = String(getSelection()); return true}"
    with opened(browser, file, none + taken) as page:
        page.get_by_role("button", name="Copy as CSV").first.click()
        page.wait_for_function("window.text")
        assert page.evaluate("window.text") == as_csv(MEASURED)
        assert page.locator("textarea").count() == 0
    with opened(browser, file, none + "document.execCommand = () => false") as page:
        page.get_by_role("button", name="Copy as LaTeX").first.click()
        assert page.get_by_label("Text to copy").input_value() == as_latex(MEASURED)


def test_the_change_is_the_difference_of_the_images_on_one_scale(page: "Page") -> None:
    for name in ("rand", "robust", "nonrobust"):
        choose(page, name)
        examples = drawn(name)
        before = examples.start if len(examples.start) else examples.source
        for times in ("7", "1"):
            page.get_by_label("Change, amplified").fill(times)
            for number in (0, 1):
                assert (pixels(page, "[data-part=derived] canvas") == examples.derived[number]).all()
                change = 128 + int(times) * (examples.derived[number].astype(int) - before[number])
                assert (pixels(page, "[data-part=change] canvas") == change.clip(0, 255)).all()
                page.get_by_role("button", name="Next image").click()
            page.get_by_role("button", name="Previous image").click()
            page.get_by_role("button", name="Previous image").click()
        assert "black −0.502, white +0.502" in page.locator("[data-part=change] figcaption").inner_text()


def test_large_changes_of_the_perturbed_sets_are_seen_well_at_first(page: "Page") -> None:
    assert page.get_by_label("Change, amplified").input_value() == "11", "12 of 255 are shown as half of the range"


def test_keys_step_around_the_images_and_leave_a_form_alone(page: "Page") -> None:
    choose(page, "rand")
    page.evaluate("document.activeElement.blur()")
    for key, now in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 24)):
        page.keyboard.press(key)
        assert where(page).startswith(f"Image {now} of 24 (training image {3 * (now - 1)})")
    page.get_by_label("Change, amplified").press("ArrowRight")
    page.keyboard.press("Alt+ArrowDown")
    assert where(page).startswith("Image 24 ")


def test_filters_leave_what_they_say(page: "Page") -> None:
    choose(page, "rand")
    examples = drawn("rand")
    fooled = examples.predicted[:, 1, 2] == examples.given
    sure = examples.confidence[:, 0, 2].round(3) >= 0.5
    page.get_by_label("Control fooled too").check()
    assert f"of {fooled.sum()} " in where(page)
    page.get_by_label("Class of the source").select_option(value="2")
    assert f"of {(fooled & (examples.label == 2)).sum()} " in where(page)
    page.get_by_label("Control fooled too").uncheck()
    page.get_by_label("Class of the source").select_option(value="-1")
    page.get_by_label("Confidence of the maker").fill("0.5")
    assert f"of {sure.sum()} " in where(page)
    page.get_by_label("Confidence of the maker").fill("1")
    assert where(page) == "No image of this set fits; change what is asked of them."
    assert not page.locator(".stage").is_visible()
    choose(page, "robust")
    assert page.get_by_label("Control fooled too").is_disabled()


def test_an_image_is_said_with_its_labels_and_what_is_predicted(page: "Page") -> None:
    choose(page, "rand")
    examples = drawn("rand")
    lines = page.locator("[data-part=predicted] tr").all()
    for network, line in enumerate(lines):
        name, source, start, derived = line.locator("th, td").all_text_contents()
        assert name == ("standard network (made it)", "adversarially trained network (control)")[network]
        for when, cell in ((0, source), (2, derived)):
            said = f"{CLASSES[examples.predicted[0, network, when]]} ({examples.confidence[0, network, when]:.3f})"
            assert cell == said
        assert start == "-"
    assert page.locator("[data-part=distance]").inner_text() == f"Length (l2): {examples.distances[0, 1]:.3g}."
    label = page.locator("[data-part=derived] canvas").get_attribute("aria-label")
    assert label == f"derived: labelled {CLASSES[examples.given[0]]}"


def test_the_same_source_stands_side_by_side_and_stays_when_the_set_changes(page: "Page") -> None:
    beside = page.locator("[data-part=beside] button")
    page.get_by_role("button", name="Next image").click()
    there = {name: drawn(name).index.tolist() for name in SETS}
    assert [button.is_visible() for button in beside.all()] == [name != "det" for name in SETS], "which lacks it"
    assert [3 in there[name] for name in SETS] == [name != "det" for name in SETS]
    beside.nth(2).click()
    assert where(page).startswith("Image 2 of 24 (training image 3)")
    assert beside.nth(2).get_attribute("aria-pressed") == "true"
    assert (pixels(page, "[data-part=beside] button:nth-child(3) canvas") == drawn("rand").derived[1]).all()


def test_what_started_from_noise_shows_neither_start_nor_change(page: "Page") -> None:
    seen = {}
    for name in ("robust", "robust-noise"):
        choose(page, name)
        seen[name] = [page.locator(f"[data-part={part}]").is_visible() for part in ("source", "start", "change")]
    assert seen == {"robust": [True, True, True], "robust-noise": [True, False, False]}


def test_html_in_the_name_of_a_class_does_nothing(page: "Page") -> None:
    for name in SETS:
        choose(page, name)
    assert page.evaluate("window.hit") is None
    assert page.locator("img[src=x]").count() == 0
    assert CLASSES[0] in page.get_by_label("Class of the source").inner_text()


def test_without_a_script_everything_is_there_to_read(browser: "Browser", file: Path) -> None:
    with opened(browser, file, java_script_enabled=False) as page:
        assert page.locator("button:visible, select:visible, input:visible").count() == 0
        sheets = page.locator("[data-sheet]")
        assert [sheet.is_visible() for sheet in sheets.all()] == [True] * 7, "sources, starts, five sets"
        assert column(page, 1) == ["D", "D_10", "D_2", "E", "F"]


def test_nothing_moves_and_focus_is_seen(browser: "Browser", file: Path) -> None:
    with opened(browser, file, reduced_motion="reduce") as page:
        moves = "one => parseFloat(getComputedStyle(one).transitionDuration) || getComputedStyle(one).animationName"
        assert set(page.evaluate(f"[...document.querySelectorAll('*')].map({moves})")) == {"none"}
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
