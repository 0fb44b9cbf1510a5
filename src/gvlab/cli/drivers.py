"""gvlab drivers: which parameters drive cure and survival, in each mouse model."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from gvlab.cli.common import PAPER, out

FOLDER = Path("results/drivers")


def drivers(
    name: Annotated[str, typer.Argument(help="An ensemble of the library.")] = PAPER,
    experiment: Annotated[str, typer.Option(help="An experiment of the library.")] = "mathew2018_survival",
    arm: Annotated[str, typer.Option(help="One of its arms; the last one when left out.")] = "",
    folder: Annotated[Path, typer.Option("--out", help="For table and figures.")] = FOLDER,
) -> None:
    """Say which parameters drive survival and cure within what is plausible, in each system of an experiment.

    Elementary effects (Morris) and PAWN indices, by SALib; a table and a figure for each endpoint.

    Examples:  gvlab drivers    gvlab drivers --arm "BM + T cells"
    """
    import pandas as pd

    from gvlab import library
    from gvlab.calibration import Ensemble
    from gvlab.calibration.drivers import drivers as find
    from gvlab.experiment import Experiment
    from gvlab.figures.ensemble import drivers as draw
    from gvlab.provenance import write_text

    systems = library.read("experiments", experiment).systems
    experiments = [Experiment.read(experiment, system) for system in systems]
    chosen = arm or experiments[0].arms[-1].name
    last = experiments[0].until
    with out.status("Moving every parameter through its plausible range ..."):
        found = find(Ensemble.read(name), experiments, chosen, [("overall_survival", last), ("cure", last)])
    rows = []
    for driven in found:
        for i, parameter in enumerate(driven.elementary.names):
            rows.append(
                {
                    "system": driven.system,
                    "endpoint": driven.endpoint,
                    "parameter": parameter,
                    "morris_mu_star": driven.elementary.effect[i],
                    "morris_sigma": driven.elementary.spread[i],
                    "pawn": driven.distribution.effect[i],
                    "pawn_noise": driven.distribution.noise,
                }
            )
    table = pd.DataFrame(rows)
    leukemias = {each.system.name: each.system.parts["leukemia"].title for each in experiments}
    titles = {
        system: fill(title.replace("transduced bone ", ""), 16, break_on_hyphens=False)
        for system, title in leukemias.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "drivers.tsv", table.to_csv(sep="\t", index=False, float_format="%.4f"))
    for endpoint, word in (("cure", "cured"), ("overall_survival", "alive")):
        part = table[table["endpoint"] == endpoint]
        effects = part.rename(columns={"system": "outcome", "morris_mu_star": "effect"})
        effects["outcome"] = effects["outcome"].map(titles)
        draw(
            effects,
            label=f"Change of the share {word} when the parameter crosses its range",
            width="double",
            save=folder / f"drivers_{endpoint}.svg",
        )
    for driven in found:
        top = ", ".join(f"{parameter} ({effect:.2f})" for parameter, effect in driven.elementary.top(5))
        agree = {parameter for parameter, _ in driven.distribution.top(10)}
        both = [parameter for parameter, _ in driven.elementary.top(5) if parameter in agree]
        out.print(
            f"{driven.system}, {driven.endpoint} (mean {driven.mean:.2f}): {top}. PAWN agrees on {', '.join(both)}.",
            highlight=False,
            soft_wrap=True,
        )
    out.print(f"Table and figures: {folder}")
