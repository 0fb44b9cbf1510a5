"""Writes docs/science/calibration_results.md and its figure of claims from the ensemble and from a run over it.

gvlab run mathew2018 --ensemble --json run.json && python docs/generate_calibration.py run.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gvlab.calibration import Ensemble, ParameterSpace
from gvlab.library import Library
from gvlab.report.ensemble_section import claims_view, in_each
from gvlab.views import View, svg

PAGE = Path(__file__).parent / "science" / "calibration_results.md"
FIGURE = PAGE.parent / "figures" / "ensemble_shares.svg"


def main(file: str) -> None:
    """Write the page."""
    ensemble, asked = Ensemble.read("mathew2018"), json.loads(Path(file).read_text(encoding="utf-8"))["ensemble"]
    parts = [
        "# Results of the calibration",
        "Written by `docs/generate_calibration.py` from the ensemble of the library and a run over it; do not edit. "
        "[How it was made](calibration.md).",
        *_made(ensemble),
        *_claims(asked),
        *_removed(ensemble),
        *_parameters(ensemble),
    ]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    FIGURE.write_text(svg(_figure(asked), standalone=True, titled=True), encoding="utf-8")


def _figure(asked: dict[str, Any]) -> View:
    statements = {name: record.statement for name, record in Library().read_all("findings").items()}
    rows = [
        {
            "claim": each["id"],
            "statement": statements[each["id"]],
            "decided": each["used_for_calibration"],
            "by_search": each["share_by_search"],
            **{name: each[name] for name in ("share", "lower", "upper")},
        }
        for each in asked["findings"]
        if each["share"] is not None
    ]
    return claims_view(rows, asked["sets"])


def _made(ensemble: Ensemble) -> list[str]:
    about = ensemble.about
    missed = ", ".join(f"{claim} {share:.0%}" for claim, share in about["missed_with_others"].items()) or "none"
    rows = [
        ("plausible sets, each a lineage of its own", f"{len(ensemble):,}"),
        ("parameters and inputs that vary", f"{len(ensemble.names)}"),
        ("independent sets they are worth, by the variance between searches", f"{about['effective_sample_size']:.0f}"),
        ("sets tried", f"{about['sets_tried']:,}"),
        (
            f"sets that meet everything again with {about['other_subjects']} other subjects",
            f"{about['passed_with_others']:.0%} (missed by some: {missed})",
        ),
        (
            f"members that had nothing missing with {about['subjects_checked']} subjects and were kept with "
            f"{about['subjects_judged']} others",
            f"{about['passed_when_judged']:.0%}",
        ),
        ("draws of the prior that meet everything", f"{about['prior_draws_accepted']} of {about['prior_draws']:,}"),
        ("scale reduction between searches, by parameter", _reduction(about["between_searches_by_axis"])),
        ("the same between quarters of the searches", _reduction(about["between_quarters_by_axis"])),
    ]
    searches = [
        (
            f"{number}",
            f"{each['seed']}",
            f"{each['members']}",
            f"{each['sets']}",
            f"{each['generations']}",
            f"{each['changes_among_plausible_sets']:.0f}",
            f"{each['sets_tried']:,}",
        )
        for number, each in enumerate(about["searches"], 1)
    ]
    head = ("search", "seed", "members", "sets kept", "generations", "changes of a member when plausible", "sets tried")
    return ["## The sample", _table(("", ""), rows), "### Its searches", _table(head, searches)]


def _reduction(by_axis: Mapping[str, float]) -> str:
    apart = np.array(list(by_axis.values()))
    return (
        f"median {np.median(apart):.2f}, 1.05 or less in {np.sum(apart <= 1.05)} of {len(apart)}, 1.1 or less in "
        f"{np.sum(apart <= 1.1)}, {apart.max():.2f} at most"
    )


def _claims(asked: dict[str, Any]) -> list[str]:
    statements = {name: record.statement for name, record in Library().read_all("findings").items()}
    rows = []
    for finding in asked["findings"]:
        if finding["share"] is None:
            continue
        share = f"{100 * finding['share']:.0f} ({100 * finding['lower']:.0f} to {100 * finding['upper']:.0f})"
        robustness = finding["robustness"] + (" (decided)" if finding["used_for_calibration"] == "all" else "")
        why = "" if finding["share"] >= 0.95 else finding["reason"]
        each = in_each(finding["share_by_search"]).replace(" %", "")
        apart = ", ".join(
            "apart" if finding[name] is None else f"{finding[name]:.2f}"
            for name in ("between_searches", "between_quarters")
        )
        rows.append((finding["id"], finding["role"], statements[finding["id"]], share, each, apart, robustness, why))
    head = (
        "claim", "role", "statement", "% of sets (95 % interval)", "% in each search",
        "scale reduction: between searches, between quarters", "conclusion", "why",
    )  # fmt: skip
    return [
        "## Claims over plausible sets",
        f"{asked['sets']} sets, {asked['subjects']} virtual subjects in each arm. *Decided* means that the claim was "
        "used to keep sets, so its share is no test. The interval is for the effective number of sets. Where searches "
        "differ, the conclusion rests on where in the plausible region one looks. One search is worth a few "
        "independent sets, so single ones differ; quarters of all searches, each a replicate of its own, say whether "
        "another run would say the same.",
        _table(head, rows),
    ]


def _removed(ensemble: Ensemble) -> list[str]:
    about = ensemble.about
    near = about["failed_by_proposals_near"]
    rows = [
        (claim, f"{100 * share:.1f}", f"{100 * near[claim]['fail']:.0f}", f"{100 * near[claim]['alone']:.1f}")
        for claim, share in sorted(about["met_by_prior_draws"].items(), key=lambda item: item[1])
    ]
    head = ("claim", "% of prior draws that meet it", "% of moves next to plausible sets that it removes", "it alone")
    return [
        "## What each claim removes",
        f"{about['prior_draws']:,} draws of the prior, and {about['proposals_near']} proposals next to plausible sets.",
        _table(head, rows),
    ]


def _parameters(ensemble: Ensemble) -> list[str]:
    space = ParameterSpace.of(Library().read("ensembles", "mathew2018").varied, ensemble.about["systems"])
    shares = space.unit_points(ensemble.values)
    rows = []
    about = ensemble.about
    replicates = (about["between_searches_by_axis"], about["between_quarters_by_axis"])
    for i, axis in enumerate(space.axes):
        low, middle, high = np.quantile(ensemble.values[:, i], [0.05, 0.5, 0.95])
        kept = float(np.subtract(*np.quantile(shares[:, i], [0.95, 0.05]))) / 0.9
        prior = f"{axis.low:.3g} to {axis.high:.3g}"
        plausible = f"{middle:.3g} ({low:.3g} to {high:.3g})"
        evidence = str(axis.row.evidence)
        rows.append(
            (
                f"`{axis.name}`",
                axis.row.unit,
                evidence,
                prior,
                plausible,
                f"{100 * kept:.0f}",
                ", ".join(f"{apart[axis.name]:.2f}" for apart in replicates),
            )
        )
    head = (
        "parameter",
        "unit",
        "evidence",
        "range",
        "plausible: median (5 to 95 %)",
        "% of range left",
        "between searches, quarters",
    )
    return [
        "## Parameters",
        "*% of range left* is the width of the plausible 5 to 95 % interval over that of the prior, on the scale of "
        "the prior: near 100, the claims say nothing about the parameter. *Between searches, quarters*: potential "
        "scale reduction between single searches and between quarters of them; near 1 they agree.",
        _table(head, rows),
    ]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1])
