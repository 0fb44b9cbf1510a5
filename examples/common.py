"""What the examples share: the ensemble, numbers in words, figures in results/examples."""

import argparse
from pathlib import Path

import numpy as np

import gvlab
from gvlab.calibration import Ensemble
from gvlab.protocol import Protocol

SETS = 24

SUBJECTS = 100
"""Virtual animals of each set: a share of a few is coarse (three of five), and its spread over sets is mostly luck."""

WEHI3B = "b6_into_balbc_wehi3b"
BOTH = "BM + T cells + sorafenib"


def plausible(what):
    """Read the ensemble, and as many sets as were asked for on the command line."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--sets", type=int, default=SETS, help="plausible parameter sets that are asked")
    asked = parser.parse_args()
    return Ensemble.read("mathew2018"), asked.sets


def percent(shares):
    """Write the median and the 5 to 95 % range over sets."""
    low, middle, high = np.nanquantile(shares, [0.05, 0.5, 0.95])
    return f"{100 * middle:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def times(ratios):
    """Write a fold change over sets."""
    low, middle, high = np.nanquantile(ratios, [0.05, 0.5, 0.95])
    return f"{middle:.2f}-fold ({low:.2f} to {high:.2f})"


def changed(protocol, agent, **changes):
    """Give a protocol in which the doses of an agent are others."""
    return Protocol(tuple(dose.replace(**changes) if dose.agent == agent else dose for dose in protocol))


def arms_of(experiment, system=WEHI3B):
    """Read the arms of an experiment of the library."""
    return gvlab.Experiment.read(experiment, system)


def bands(x, groups, *, xlabel, ylabel, name, log=False):
    """Draw the median and the 5 to 95 % range over sets, a line a group, and save it."""
    from gvlab.figures.style import OKABE_ITO, finish, new_figure, styled

    @styled
    def draw():
        figure = new_figure("one-and-half", 70)
        axes = figure.add_subplot()
        for color, (label, values) in zip(OKABE_ITO, groups.items(), strict=False):
            low, middle, high = np.nanquantile(np.asarray(values), [0.05, 0.5, 0.95], axis=1)
            axes.plot(x, middle, color=color, marker="o", markersize=3, label=label)
            axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        if log:
            axes.set_xscale("log")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.legend()
        axes.set_title("simulated; median and 5 to 95 % of plausible parameter sets", fontsize=6, fontweight="normal")
        path = Path("results/examples") / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        return finish(figure, path)

    draw()
    print(f"\nFigure: results/examples/{name}.svg")
