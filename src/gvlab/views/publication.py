"""One look for every printed figure: widths of journals, embedded fonts, the mark of simulated data.

matplotlib is imported inside functions, so that importing the package stays quick. Figures are made without pyplot: no
global state, no window, safe in threads.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from gvlab.errors import InvalidValueError, UnknownNameError
from gvlab.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Width = Literal["single", "one-and-half", "double"]

WIDTHS_MM: Mapping[str, float] = {"single": 85.0, "one-and-half": 114.0, "double": 174.0}
"""Column widths of most journals."""

MM = 1 / 25.4

GRAY = "#6E6E6E"
LIGHT_GRAY = "#D4D4D4"
UP, DOWN = "#D55E00", "#0072B2"

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.titlesize": 8.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.dash_capstyle": "butt",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 200,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    # The same figure gives the same file.
    "svg.hashsalt": "gvlab",
    "axes.formatter.use_mathtext": True,
}

P = ParamSpec("P")
T = TypeVar("T")


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a figure function run under the common look, whatever the user has set for their own figures."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        import matplotlib

        with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_RC, "backend": "agg"}):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: Width | float, height_mm: float, *, constrained: bool = True) -> Figure:
    """Open a figure of a journal's column width ("single", "one-and-half", "double") or of a number of millimeters."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm(width) * MM, height_mm * MM), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


@styled
def panels(
    rows: int, columns: int, *, width: Width | float = "double", height_mm: float | None = None, letters: bool = True
) -> tuple[Figure, list[Axes]]:
    """Open a figure of several panels in the common look, to hand to other figures as `axis`.

    Parameters
    ----------
    rows, columns
        The grid.
    width, height_mm
        Size of the whole; the height is 58 mm a row unless given.
    letters
        Letter the panels a, b, c ...

    Returns
    -------
    The figure, and its axes row by row.
    """
    if rows < 1 or columns < 1:
        raise InvalidValueError(f"A figure of {rows} by {columns} panels is asked for; there is at least one of each.")
    figure = new_figure(width, height_mm or 58.0 * rows)
    axes = [panel for row in figure.subplots(rows, columns, squeeze=False) for panel in row]
    if letters:
        for letter, panel in zip("abcdefghijklmnopqrstuvwxyz", axes, strict=False):
            panel.annotate(
                letter, (0, 1), xycoords="axes fraction", xytext=(-24, 6), textcoords="offset points", fontsize=9,
                fontweight="bold", annotation_clip=False,
            )  # fmt: skip
    return figure, axes


def width_mm(width: Width | float) -> float:
    """Return the width in millimeters."""
    if isinstance(width, str):
        if width not in WIDTHS_MM:
            raise UnknownNameError("figure width", width, WIDTHS_MM)
        return WIDTHS_MM[width]
    if not 20 <= width <= 1000:
        raise InvalidValueError(f"A figure of {width:g} mm is asked for; widths lie between 20 and 1000 mm.")
    return float(width)


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float, **kwargs: Any) -> Axes:
    """Add axes at a place given in millimeters from the lower left corner."""
    across, up = figure.get_size_inches() / MM
    return figure.add_axes((left / across, bottom / up, width / across, height / up), **kwargs)


@functools.lru_cache(maxsize=4096)
def text_width_mm(text: str, size: float, weight: str = "normal") -> float:
    """Measure a line of text in the common font, so that columns can be set without overlap."""
    from matplotlib.text import Text

    figure, renderer = _ruler()
    probe = Text(0, 0, text, fontsize=size, fontweight=weight, fontfamily=_RC["font.family"])
    probe.set_figure(figure)
    return float(probe.get_window_extent(renderer).width / figure.dpi / MM)


@functools.cache
def _ruler() -> tuple[Figure, Any]:
    """Return an empty figure to measure text by; making one takes longer than measuring."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(dpi=300)
    return figure, FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]


def wrapped(text: str, space_mm: float, size: float) -> str:
    """Break text into lines that fit a space, between words and behind the hyphens of a word that is too long."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        # A plus sign or a comma belongs to what follows or precedes it, never alone on a line.
        if lines and (text_width_mm(longer, size) <= space_mm or lines[-1].endswith("+")):
            lines[-1] = longer
            continue
        lines.append("")
        for part in re.findall(r"[^-]+-?|-", word) if text_width_mm(word, size) > space_mm else [word]:
            if lines[-1] and text_width_mm(lines[-1] + part, size) > space_mm:
                lines.append("")
            lines[-1] += part
    return "\n".join(lines)


def name_vertical_axis(axes: Axes, text: str) -> None:
    """Name the vertical axis, in two lines where one would be longer than the axis."""
    high = axes.get_position().height * figure_of(axes).get_figheight() / MM
    axes.set_ylabel(wrapped(text, 0.95 * high, _RC["axes.labelsize"]))


def mark_simulated(axes: Axes, simulated: bool) -> None:
    """Write ``simulated`` at the upper right of the axes, so that no picture of a model can pass for an experiment."""
    if simulated:
        axes.annotate(
            "simulated",
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, 2.5),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=6,
            fontstyle="italic",
            color=GRAY,
            annotation_clip=False,
        )


def label_panel(axes: Axes, title: str | None) -> None:
    """Title the axes, if there is a title."""
    if title:
        axes.set_title(title, pad=10)  # above "simulated", which a long title would meet otherwise


FORMATS = (".svg", ".pdf", ".png")


def save_figure(figure: Figure, path: str | Path | Iterable[str | Path]) -> None:
    """Write a figure as SVG, PDF or PNG (600 dpi), by the ending of the name; several names write several files.

    A file appears complete or not at all.
    """
    if not isinstance(path, str | Path):
        for one in path:
            save_figure(figure, one)
        return
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise InvalidValueError(f'A figure is asked for as "{target.name}". Endings known: {", ".join(FORMATS)}.')
    data = figure_bytes(figure, target.suffix.lower()[1:])
    write_bytes(target, data)


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Render a figure as ``svg``, ``pdf`` or ``png``; the same figure gives the same bytes."""
    import matplotlib

    buffer = BytesIO()
    # No dates: the same figure gives the same bytes.
    about: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "GVLab"},
        "pdf": {"CreationDate": None, "Creator": "GVLab"},
        "png": {"Software": "GVLab"},
    }
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_RC}):
        figure.savefig(buffer, format=kind, dpi=600 if kind == "png" else 300, metadata=about[kind])
    return buffer.getvalue()


def figure_svg(figure: Figure) -> str:
    """Render a figure as an SVG element to be put into a page."""
    text = figure_bytes(figure, "svg").decode("utf-8")
    return text[text.index("<svg") :]


def finish(figure: Figure, save: str | Path | Iterable[str | Path] | None) -> Figure:
    """Save the figure if asked to, and hand it back."""
    if save is not None:
        save_figure(figure, save)
    return figure


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise InvalidValueError(
            "The axes belong to no figure; make them with figure.add_subplot() or figure.subplots()."
        )
    return figure
