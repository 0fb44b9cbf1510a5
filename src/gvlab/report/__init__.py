"""The report: one self-contained page, and the captions of figures."""

from gvlab.report.captions import (
    Origin,
    axis_caption,
    groups_caption,
    incidence_caption,
    survival_caption,
    timecourse_caption,
    verdict_summary,
)
from gvlab.report.content import Picture, ReportContent, ReportTable, Section
from gvlab.report.html import render, write_report

__all__ = [
    "Origin",
    "Picture",
    "ReportContent",
    "ReportTable",
    "Section",
    "axis_caption",
    "groups_caption",
    "incidence_caption",
    "render",
    "survival_caption",
    "timecourse_caption",
    "verdict_summary",
    "write_report",
]
