"""The destruction rate against the paper's equation, summed image by image; the cases; and the published tables."""

import pytest
import torch

from featsplit.evaluation.seen import Seen
from featsplit.studies.kurakin2017.photographs.cases import drawn, eligible
from featsplit.studies.kurakin2017.photographs.measure import DESTROYED, Pairs, drawn_rows
from featsplit.studies.kurakin2017.published import PUBLISHED
from featsplit.studies.kurakin2017.rows import KurakinRow, counted_of, destruction


def said(seed: int, n: int = 200) -> Seen:
    """What a network might say; the label is among the top k where it is right."""
    generator = torch.Generator().manual_seed(seed)
    right, more, confidence = torch.rand((3, n), generator=generator)
    return Seen(right < 0.5, confidence, (right < 0.5) | (more < 0.5))


def test_the_rate_is_the_papers_equation_1() -> None:
    clean, adversarial, after = said(0), said(1), said(2)
    top = below = 0
    for right, fooled, back in zip(clean.right, ~adversarial.right, after.right, strict=True):
        top += int(right) * int(fooled) * int(back)
        below += int(right) * int(fooled)
    row = destruction(clean, adversarial, after)
    assert (row["of"], row["rate"]) == (below, top / below)
    (counted,) = counted_of([row])
    assert counted.rate == row["rate"]
    assert row["accuracy"] == after.right.float().mean()
    (missed,) = counted_of([row], missed=True)
    assert missed.rate == 1 - top / below


def test_the_rate_of_the_top_k_counts_those_that_leave_the_top_k() -> None:
    clean, adversarial, after = said(0), said(1), said(2)
    counted = [bool(a and not b) for a, b in zip(clean.in_top, adversarial.in_top, strict=True)]
    hits = [bool(c) for c, one in zip(after.in_top, counted, strict=True) if one]
    row = destruction(clean, adversarial, after)
    assert (row["top_k_of"], row["top_k_rate"]) == (sum(counted), sum(hits) / len(hits))


def test_no_rate_where_no_image_counts() -> None:
    clean = said(0)
    row = destruction(clean, clean, said(1))
    assert (row["of"], row["rate"]) == (0, None)


def test_prefiltered_are_sure_pairs_that_leave_the_top_k_and_all_of_them_count() -> None:
    clean, adversarial = said(0), said(1)
    chosen = eligible("prefiltered", clean, adversarial, gate=0.5)
    for row in range(200):
        fits = clean.right[row] and not adversarial.right[row] and not adversarial.in_top[row]
        assert chosen[row] == (fits and clean.confidence[row] >= 0.5 and adversarial.confidence[row] >= 0.5)
    assert chosen.any()
    assert destruction(clean, adversarial, said(2), chosen)["of"] == int(chosen.sum())
    assert bool(eligible("average", clean, adversarial, gate=0.5).all())


def test_drawn_pairs_are_of_the_case_and_in_one_order() -> None:
    among = torch.arange(100) % 3 == 0
    some, all_ = drawn(among, 10, seed=0), drawn(among, 1000, seed=0)
    assert torch.equal(all_[:10], some)
    assert sorted(all_.tolist()) == among.nonzero()[:, 0].tolist()
    everyone = drawn(torch.ones_like(among), 100, seed=0)
    assert [row for row in everyone.tolist() if among[row]] == all_.tolist()
    assert all_.tolist() != sorted(all_.tolist())


def test_rows_of_prefiltered_pairs_have_a_rate_that_is_the_accuracy_on_photographs() -> None:
    """Tables 2 and 3 of the paper; the average case has another."""
    pairs = Pairs(said(0), said(1), said(2), said(3))
    chosen = eligible("prefiltered", pairs.clean, pairs.adversarial, gate=0.5).nonzero()[:, 0]
    about: KurakinRow = {"seed": 0, "attack": "basic", "levels": 8}
    rows = list(drawn_rows(about, pairs.take(chosen), case="prefiltered", classes=10))
    by = {(row["measure"], row["top"]): row["accuracy"] for row in rows}
    for top in (1, 2):
        assert by[DESTROYED, top] == by["adversarial, photographed", top]
    assert len(rows) == 10
    average = {(row["measure"], row["top"]): row for row in drawn_rows(about, pairs, case="average", classes=10)}
    rate = destruction(pairs.clean, pairs.adversarial, pairs.adversarial_photo)
    assert (average[DESTROYED, 1]["n"], average[DESTROYED, 2]["n"]) == (rate["of"], rate["top_k_of"])
    assert average[DESTROYED, 1]["accuracy"] == pytest.approx(rate["rate"])
    assert average[DESTROYED, 1]["accuracy"] != average["adversarial, photographed", 1]["accuracy"]
    assert not list(drawn_rows(about, pairs.take(chosen[:0]), case="average", classes=10))


def test_the_published_rates_of_prefiltered_pairs_are_the_published_accuracies() -> None:
    """So each was copied rightly, or twice wrongly."""
    by = {(one.table, one.what): one.value for one in PUBLISHED}
    assert len(PUBLISHED) == 6 * (8 + 4 + 4)
    for method in ("fast", "basic", "least-likely"):
        for levels in (8, 16):
            for top in (1, 5):
                start = f"prefiltered: {method} {levels}"
                rate = by["Table 3", f"{start}, destroyed, top {top}"]
                assert rate == by["Table 2", f"{start}, adversarial, photographed, top {top}"]


def test_the_published_top_5_is_never_below_the_top_1() -> None:
    by = {(one.table, one.what): one.value for one in PUBLISHED}
    for (table, what), value in by.items():
        if what.endswith("top 1"):
            assert by[table, what.replace("top 1", "top 5")] >= value
