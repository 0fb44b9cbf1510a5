"""Writes docs/science/cure.md: extinction as the model works it out, against exact birth and death of blasts.

python docs/generate_cure.py [SETS [REPLICATES]]

Of some plausible sets, evenly chosen, the typical mouse and one drawn mouse are followed by the exact simulation of
the tests (`tests/reference/hybrid.py`); about eight seconds a set.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rich.progress import track

import gvlab
from gvlab.calibration import Ensemble
from gvlab.subject.parameter_set import ParameterSet

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from reference.hybrid import extinct_share, mean_field

PAGE = Path(__file__).parent / "science" / "cure.md"
SYSTEM, ARM = "b6_into_balbc_wehi3b", "BM + T cells + sorafenib"
DAYS = [float(day) for day in range(10, 62, 2)]
SEED = 2019
"""Of the drawn mouse: another than those that sets were found and judged with."""
KINDS = {
    "surely cured": (0.95, 1.0),
    "mostly cured": (0.5, 0.95),
    "mostly not": (0.05, 0.5),
    "surely not": (-0.01, 0.05),
}
"""Kinds of mice by the share extinct on the last day in the exact simulation: above the first number."""


def main(sets: int, replicates: int) -> None:
    """Write the page."""
    ensemble, model, system = Ensemble.read("mathew2018").thin(sets), gvlab.Model.default(), gvlab.System.read(SYSTEM)
    protocol = gvlab.Experiment.read("mathew2018_survival", SYSTEM).arm(ARM).protocol
    typical = system.typical()
    mice = [typical]
    for values in ensemble.values:
        found = ParameterSet.of("plausible", dict(zip(ensemble.names, values, strict=True)), system)
        mice += [typical.replace(found.values), found.cohort(system, 1, SEED)]
    exact, mean = [], []
    for number, mouse in enumerate(track(mice, "Mice")):
        rng = np.random.default_rng(number)
        exact.append(extinct_share(model, mouse, protocol, DAYS, replicates, rng))
        mean.append(mean_field(model, mouse, protocol, DAYS))
    PAGE.write_text(_page(np.array(exact), np.array(mean), len(ensemble), replicates), encoding="utf-8")


def _page(exact: np.ndarray, mean: np.ndarray, sets: int, replicates: int) -> str:
    end = exact[:, -1]
    error, worst = mean[:, -1] - end, np.abs(mean - exact).max(axis=1)
    rows = []
    for name, (low, high) in KINDS.items():
        here = (end > low) & (end <= high)
        if here.any():
            rows.append(
                f"| {name} | {here.sum()} | {error[here].mean():+.2f} | {error[here].min():+.2f} to "
                f"{error[here].max():+.2f} | {np.median(worst[here]):.2f} | {worst[here].max():.2f} |"
            )
    return (
        "# Cure: the model against exact birth and death\n\n"
        "Written by `docs/generate_cure.py`; do not edit. The share of fates in which no clonogenic blast is left on "
        f"day {DAYS[-1]:g}, T cells and sorafenib in the WEHI-3B model: the nominal typical mouse, and of {sets} "
        f"plausible sets the typical mouse and one drawn mouse (seed {SEED}). {replicates} exact replicates each; "
        f"their Monte-Carlo error is {0.5 / np.sqrt(replicates):.2f} at most.\n\n"
        "| mice by their exact share | mice | error of the model in the end: mean | range | on the worst day: median | "
        "largest |\n| --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    main(*(given + [48, 100][len(given) :]))
