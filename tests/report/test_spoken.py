"""What a drawn figure says in words: its lines, bars, points and matrices, with their numbers."""

from matplotlib.figure import Figure

from featsplit.report.spoken import spoken


def test_lines_and_intervals_are_told_by_label_and_place() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([1, 2], [0.25, 0.5], label="clean")
    axes.plot([1, 2], [9, 9])
    axes.errorbar([4, 8], [0.125, 0.0625], [[0, 0], [0, 0]], label="fast")
    axes.set(title="digits", xlabel="eps in linf", ylabel="accuracy")
    assert spoken(figure) == (
        "digits, accuracy by eps in linf: clean (1: 0.25) (2: 0.5), fast (4: 0.125) (8: 0.0625)."
    ), "a line without a label says nothing"


def test_bars_are_told_by_the_names_of_their_places() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.bar([-0.2, 0.8], [0.5, 0.75], 0.4, label="clean")
    axes.set_xticks([0, 1], ["D", "D_R"])
    assert spoken(figure) == ": clean (D: 0.5) (D_R: 0.75)."


def test_a_long_line_is_told_by_some_of_its_points_and_a_level_one_by_its_height() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot(range(100), range(100), label="rises")
    axes.axhline(0.1, label="chance")
    text = spoken(figure)
    assert text.count("(") == 8
    assert "(0: 0)" in text
    assert "(99: 99)" in text
    assert "chance 0.1 everywhere" in text


def test_points_are_told_by_their_number_and_middle_and_a_matrix_by_its_cells() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.scatter([0, 2], [1, 3], label="units")
    right.imshow([[0.25, 0.5]])
    right.set_xticks([0, 1], ["a", "b"])
    right.set_yticks([0], ["D"])
    assert spoken(figure) == ": units 2 points around (1, 2); : D (a: 0.25) (b: 0.5)."


def test_an_image_without_names_is_told_by_its_size() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.imshow([[0.0, 1.0, 0.5], [0.5, 1.0, 0.0]])
    axes.set(title="w", xticks=[], yticks=[])
    assert spoken(figure) == "w: an image of 3 x 2."


def test_points_with_names_are_told_by_them() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.scatter([0.5, 0.75], [0.25, 0.125])
    for name, place in (("cnn", (0.5, 0.25)), ("mlp", (0.75, 0.125))):
        axes.annotate(name, place)
    assert spoken(figure) == ": cnn (0.5, 0.25), mlp (0.75, 0.125)."


def test_intervals_without_a_label_are_called_as_their_colour_in_another_panel() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.errorbar([1], [0.5], [[0], [0]], color="#112233", label="fast")
    right.errorbar([1], [0.25], [[0], [0]], color="#112233")
    right.errorbar([1], [0.75], [[0], [0]], color="#445566")
    assert spoken(figure) == ": fast (1: 0.5); : fast (1: 0.25)."


def test_powers_and_negative_places_are_numbers() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    left.plot([0.1, 10], [0.5, 0.25], label="reached")
    left.set_xscale("log")
    right.plot([-0.5, 0.5], [0.5, 0.25], label="logit")
    assert spoken(figure) == ": reached (0.1: 0.5) (10: 0.25); : logit (-0.5: 0.5) (0.5: 0.25)."
