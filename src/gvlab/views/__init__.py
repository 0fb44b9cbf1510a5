"""Pictures as text: a view is marks, axes, a table, a sentence and what made it; two printers draw it.

`svg` prints for pages, reports and notebooks, `figure` (matplotlib) for publications. No number is drawn
in two ways.
"""

from gvlab.views.axis_diagram import DiagramEdge, axis_diagram_view
from gvlab.views.axis_flux import axis_flux_view, wiring_view
from gvlab.views.dots import dots_view
from gvlab.views.flow import blot_view, flow_view, histogram_view
from gvlab.views.incidence import incidence_view, incidence_views
from gvlab.views.matplotlib_printer import draw, figure, print_bytes
from gvlab.views.over_band import over_band_view, survival_over_band_view
from gvlab.views.palette import Look, Style, look, looks, style_of, stylesheet
from gvlab.views.power import power_view
from gvlab.views.recipe import library_looks, looks_of, recipe_of
from gvlab.views.schedule import Given, given_in, schedule_of, schedule_view
from gvlab.views.seahorse import seahorse_view
from gvlab.views.shares import Share, shares_view
from gvlab.views.survival import survival_of, survival_view
from gvlab.views.svg_printer import WIDTH, svg, thumbnail
from gvlab.views.synergy import synergy_view
from gvlab.views.tables import table_csv, table_html
from gvlab.views.timecourse import Course, course_of, ribbon_view, spider_view
from gvlab.views.view import (
    Arrow,
    Axis,
    Band,
    Bars,
    Key,
    Line,
    Mark,
    OverRow,
    Patch,
    Points,
    Segments,
    Text,
    UnderRow,
    View,
    ViewColumn,
    ViewRecipe,
    ViewTable,
)
from gvlab.views.why import why_view

__all__ = [
    "WIDTH",
    "Arrow",
    "Axis",
    "Band",
    "Bars",
    "Course",
    "DiagramEdge",
    "Given",
    "Key",
    "Line",
    "Look",
    "Mark",
    "OverRow",
    "Patch",
    "Points",
    "Segments",
    "Share",
    "Style",
    "Text",
    "UnderRow",
    "View",
    "ViewColumn",
    "ViewRecipe",
    "ViewTable",
    "axis_diagram_view",
    "axis_flux_view",
    "blot_view",
    "course_of",
    "dots_view",
    "draw",
    "figure",
    "flow_view",
    "given_in",
    "histogram_view",
    "incidence_view",
    "incidence_views",
    "library_looks",
    "look",
    "looks",
    "looks_of",
    "over_band_view",
    "power_view",
    "print_bytes",
    "recipe_of",
    "ribbon_view",
    "schedule_of",
    "schedule_view",
    "seahorse_view",
    "shares_view",
    "spider_view",
    "style_of",
    "stylesheet",
    "survival_of",
    "survival_over_band_view",
    "survival_view",
    "svg",
    "synergy_view",
    "table_csv",
    "table_html",
    "thumbnail",
    "why_view",
    "wiring_view",
]
