"""Accuracies of a run as lines: which rows are of one line, what it is called, and in which order they come."""

from featsplit.report.lines import Line, is_plain, lines_of
from tests.rows import row


def test_a_line_has_the_rows_of_a_network_under_an_attack() -> None:
    rows = [row(0.5, seed=0), row(0.6, seed=1), row(0.2, eps=0.5), row(0.4, train_set="rand")]
    found = lines_of(rows)
    assert found == {
        Line("D, standard training", "clean"): rows[:2],
        Line("D, standard training", "pgd l2 0.5"): rows[2:3],
        Line("D_rand", "clean"): rows[3:],
    }


def test_other_images_labels_epochs_and_experiments_are_no_accuracies_of_a_run() -> None:
    rows = [row(0.5), row(0.1, labels="next"), row(0.1, split="train"), row(0.1, test_set="rand"), row(0.1, epoch=1)]
    rows += [row(0.1, experiment="noise")]
    assert list(lines_of(rows).values()) == [rows[:1]]
    assert list(lines_of(rows[5:])) == [Line("D, standard training, noise", "clean")], "where there is no main one"


def test_a_search_for_the_nearest_image_has_no_eps_and_no_line() -> None:
    rows = [row(0.5), row(0.1, attack="closest l2"), row(0.0, attack="pgd", eps=0.5)]
    assert lines_of(rows) == {
        Line("D, standard training", "clean"): rows[:1],
        Line("D, standard training", "pgd l2 0.5"): rows[2:],
    }


def test_lines_come_in_the_order_of_the_paper_and_name_architectures_that_differ() -> None:
    rows = [row(0.1, train_set=name, architecture=arch) for name in ("own.h5", "det", "robust") for arch in ("a", "b")]
    rows += [row(0.1, training=how, architecture="a") for how in ("adversarial", "standard")]
    assert [network for network, _ in lines_of(rows)] == [
        "D, standard training, a",
        "D, adversarial training, a",
        *("D_R, a", "D_R, b", "D_det, a", "D_det, b", "own, a", "own, b"),
    ]


def test_two_rows_of_a_seed_are_not_plain() -> None:
    assert is_plain([row(0.1, seed=0), row(0.1, seed=1)])
    assert not is_plain([row(0.1, seed=0), row(0.1, seed=0)])
