"""Pictures: results in, a matplotlib figure out, `save=` for SVG, PDF or PNG. Nothing below imports this package."""

from gvlab.figures.axis_diagram import axis_diagram
from gvlab.figures.blot import blot
from gvlab.figures.cuminc import cumulative_incidences
from gvlab.figures.dots import treated_dots
from gvlab.figures.flow import half_offset_histograms, two_markers
from gvlab.figures.groups import groups
from gvlab.figures.seahorse import stress_test
from gvlab.figures.sheet import Panel, Row, sheet
from gvlab.figures.style import Look, figure_svg, looks, panels, save_figure
from gvlab.figures.survival import survival
from gvlab.figures.timecourse import timecourse
from gvlab.figures.verdicts import verdict_matrix

__all__ = [
    "Look",
    "Panel",
    "Row",
    "axis_diagram",
    "blot",
    "cumulative_incidences",
    "figure_svg",
    "groups",
    "half_offset_histograms",
    "looks",
    "panels",
    "save_figure",
    "sheet",
    "stress_test",
    "survival",
    "timecourse",
    "treated_dots",
    "two_markers",
    "verdict_matrix",
]
