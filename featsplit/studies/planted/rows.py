"""The rows of this study: those of `ilyas2019` on planted data, with the amplitude of the non-robust component."""

from featsplit.studies.ilyas2019.rows import PlantedRow


class SweptRow(PlantedRow, total=False):
    """A row of a run whose non-robust component has this `amplitude`."""

    amplitude: float
