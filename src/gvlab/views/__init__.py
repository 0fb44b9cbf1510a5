"""Pictures as text: a view is marks, axes, a table, a sentence and what made it; two printers draw it.

`svg` prints for pages, reports and notebooks, `figure` (matplotlib) for publications. No number is drawn
in two ways.
"""

from gvlab.views.palette import Look, Style, look, looks, style_of, stylesheet
from gvlab.views.recipe import library_looks, looks_of, recipe_of
from gvlab.views.survival import survival_of, survival_view
from gvlab.views.svg_printer import WIDTH, svg
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

__all__ = [
    "WIDTH",
    "Arrow",
    "Axis",
    "Band",
    "Bars",
    "Course",
    "Key",
    "Line",
    "Look",
    "Mark",
    "OverRow",
    "Patch",
    "Points",
    "Segments",
    "Style",
    "Text",
    "UnderRow",
    "View",
    "ViewColumn",
    "ViewRecipe",
    "ViewTable",
    "course_of",
    "library_looks",
    "look",
    "looks",
    "looks_of",
    "recipe_of",
    "ribbon_view",
    "spider_view",
    "style_of",
    "stylesheet",
    "survival_of",
    "survival_view",
    "svg",
    "table_csv",
    "table_html",
]
