"""A picture of bands, drawn of the signals that were read: an illustration of numbers, marked as simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gvlab.errors import InvalidValueError
from gvlab.figures.style import Width, figure_of, finish, mark_simulated, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HIGH, _WIDE = 22, 40
_PAPER, _INK = 0.93, 0.88


@styled
def blot(
    bands: Mapping[str, npt.ArrayLike],
    lanes: Mapping[str, Sequence[str]],
    *,
    axis: Axes | None = None,
    simulated: bool = True,
    width: Width | float = 60.0,
    height_mm: float = 40.0,
    save: str | Path | Iterable[str | Path] | None = None,
) -> Figure:
    """Draw a strip of bands for each protein; a band darkens with its signal and saturates, as film does.

    Parameters
    ----------
    bands
        Signals by protein, one a lane. A strip is exposed for its own strongest band.
    lanes
        What is written under the lanes: by name of a row, one text a lane ("+", "-").
    axis, simulated, width, height_mm, save
        As in `groups`.
    """
    signals = {name: np.asarray(values, dtype=np.float64) for name, values in bands.items()}
    count = {len(values) for values in signals.values()} | {len(row) for row in lanes.values()}
    if len(count) != 1:
        raise InvalidValueError("Strips and rows of lanes have different lengths; give one signal and one text a lane.")
    figure = new_figure(width, height_mm) if axis is None else figure_of(axis)
    axes = figure.add_subplot() if axis is None else axis
    number = count.pop()
    gap = 0.35
    for place, (name, values) in enumerate(signals.items()):
        bottom = (len(signals) - 1 - place) * (1 + gap)
        axes.imshow(
            _strip(values), cmap="gray", vmin=0, vmax=1, extent=(0, number, bottom, bottom + 1), aspect="auto",
            interpolation="bilinear", zorder=1,
        )  # fmt: skip
        axes.plot([0, number, number, 0, 0], [bottom, bottom, bottom + 1, bottom + 1, bottom], "k", lw=0.6, zorder=2)
        axes.annotate(
            name, (0, bottom + 0.5), xytext=(-3, 0), textcoords="offset points", ha="right", va="center", fontsize=6.5,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(0, number)
    axes.set_ylim(0, len(signals) * (1 + gap) - gap)
    axes.axis("off")
    for place, (name, texts) in enumerate(lanes.items()):
        y = -6.5 - 8.0 * place
        axes.annotate(
            name, (0, 0), xytext=(-3, y), textcoords="offset points", ha="right", va="center", fontsize=6,
            annotation_clip=False,
        )  # fmt: skip
        for lane, text in enumerate(texts):
            axes.annotate(
                "\N{MINUS SIGN}" if text == "-" else text, (lane + 0.5, 0), xytext=(0, y), textcoords="offset points",
                ha="center", va="center", fontsize=6,
                annotation_clip=False,
            )  # fmt: skip
    mark_simulated(axes, simulated)
    return finish(figure, save)


def _strip(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the gray of a strip: a smooth spot a lane, darker and a little larger where there is more."""
    relative = values / max(float(values.max()), 1e-12)
    x = np.linspace(-1, 1, _WIDE)[None, :]
    y = np.linspace(-1, 1, _HIGH)[:, None]
    spots = []
    for amount in relative:
        shape = np.exp(-((np.abs(x) / 0.62) ** 6) - (y / 0.42) ** 2)
        spots.append(1.0 - np.exp(-2.2 * max(float(amount), 0.0) * shape))
    return np.asarray(_PAPER - _INK * np.concatenate(spots, axis=1) / (1.0 - np.exp(-2.2)))
