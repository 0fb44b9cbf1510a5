"""Pictures: results in, a matplotlib figure out, `save=` for SVG, PDF or PNG. Nothing below imports this package."""

from gvlab.figures.axis_diagram import axis_diagram
from gvlab.figures.cuminc import cumulative_incidences
from gvlab.figures.groups import groups
from gvlab.figures.schedule import schedule
from gvlab.figures.style import Look, figure_svg, looks, panels, save_figure
from gvlab.figures.survival import survival
from gvlab.figures.timecourse import timecourse
from gvlab.figures.verdicts import verdict_matrix

__all__ = [
    "Look",
    "axis_diagram",
    "cumulative_incidences",
    "figure_svg",
    "groups",
    "looks",
    "panels",
    "save_figure",
    "schedule",
    "survival",
    "timecourse",
    "verdict_matrix",
]
