"""Survival in the six mouse models: the picture of the README.

Four groups of 200 virtual mice in each model; the same mice go through every group.
"""

import sys
from pathlib import Path

import gvlab
from gvlab.library import Library

out = Path(sys.argv[1] if len(sys.argv) > 1 else "six_mouse_models.svg")

systems = Library().read("experiments", "mathew2018_survival").systems
figure, axes = gvlab.figures.panels(2, 3, width="double", height_mm=105)
for axis, system in zip(axes, systems, strict=True):
    experiment = gvlab.Experiment.read("mathew2018_survival", system)
    results = experiment.run(seed=2018, subjects=200)
    zero = experiment.system.time_zero.removeprefix("day of ")
    leukemia = experiment.system.parts["leukemia"].title.replace("transduced bone ", "")
    gvlab.figures.survival(results.events("overall_survival").table, axis=axis, title=leukemia, time_zero=zero)
    axis.get_legend().remove()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7, frameon=False)
gvlab.figures.save_figure(figure, out)
print(f"Wrote {out}.")
