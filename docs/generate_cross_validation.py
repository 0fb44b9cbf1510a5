"""Writes docs/science/cross_validation.md: searches that leave one claim out, and what they predict of it.

python docs/generate_cross_validation.py FOLDER [MEMBERS [MINUTES [CLAIM ...]]]

Each claim has a small search of its own, from its own draws of the prior, with checkpoints in FOLDER; claims may be
searched side by side, and without a claim on the command line the page is written from what FOLDER holds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from gvlab.calibration import Evaluator
from gvlab.calibration.margins import Margins
from gvlab.calibration.search import Search
from gvlab.findings import rule
from gvlab.library import Library

PAGE = Path(__file__).parent / "science" / "cross_validation.md"
CLAIMS = ("C13", "C16", "C19", "C20", "C29", "C72")
SUBJECTS = 16
"""With which nothing may be missing: half of those of the ensemble, for these searches are small in every way."""
SEED = 100
"""Added to the seed of the recipe, so that no draw of the prior is one of the ensemble's."""


def search(claim: str, folder: Path, members: int, minutes: float) -> None:
    """Search without a claim, and write what is predicted of it."""
    library = Library.default()
    recipe = library.read("ensembles", "mathew2018").without(claim)
    few = {"members": members, "seed": recipe.seed + SEED + CLAIMS.index(claim), "subjects_checked": SUBJECTS}
    recipe = recipe.model_copy(update=few)
    margins = Margins(Evaluator(recipe, deciding_only=True, library=library), recipe.spare)
    home = folder / claim
    home.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    for found in Search(margins, home, 0).run():
        share = found.plausible.mean()
        print(f"{claim}: {share:.0%} of {members} plausible, {found.sets_tried:,} sets tried", flush=True)
        if share == 1 or time.monotonic() - begun > 60 * minutes:
            break
    record = library.read("findings", claim)
    asked = Evaluator(recipe, [record], space=margins.space, library=library)
    points = found.points[found.plausible]
    if not len(points):
        print(f"{claim}: no set was found in {minutes:g} minutes; give more, the search goes on in {folder}.")
        return
    judged = library.read("ensembles", "mathew2018")
    answers = asked.evaluate(margins.space.values(points), subjects=judged.subjects_judged, seed=judged.seed)
    counting = [i for i, each in enumerate(answers.comparisons) if each.record.counts]
    whole = rule.combine(answers.codes[:, counting])
    each = {answers.comparisons[i].title: float(answers.met[:, i].mean()) for i in counting}
    result = {
        "claim": claim,
        "statement": record.statement,
        "members": members,
        "sets": len(points),
        "reproduced": float((whole == rule.Verdict.REPRODUCED.code).mean()),
        "partly": float((whole == rule.Verdict.PARTLY.code).mean()),
        "least": min(each.items(), key=lambda item: item[1]),
        "sets_tried": found.sets_tried,
    }
    (folder / f"{claim}.json").write_text(json.dumps(result), encoding="utf-8")


def write(folder: Path) -> None:
    """Write the page from what was found."""
    rows = []
    for claim in CLAIMS:
        file = folder / f"{claim}.json"
        if not file.is_file():
            continue
        one = json.loads(file.read_text(encoding="utf-8"))
        least, share = one["least"]
        rows.append(
            f"| {one['claim']} | {one['statement']} | {one['sets']} of {one['members']} | {one['reproduced']:.0%} | "
            f"{one['partly']:.0%} | {least} ({share:.0%}) |"
        )
    PAGE.write_text(
        "# Cross-validation by claim\n\n"
        "Written by `docs/generate_cross_validation.py`; do not edit. Each claim was left out of what decides, "
        "a small search of its own was made from its own draws of the prior (16 mice), and its sets were asked of it. "
        "It counts as predicted when at least 80 % of them reproduce it.\n\n"
        "| claim | statement | plausible sets found | reproduce it | partly | least often met comparison |\n"
        "| --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    place, arguments = Path(sys.argv[1]), sys.argv[2:]
    for name in arguments[2:]:
        search(name, place, int(arguments[0]), float(arguments[1]))
    if len(arguments) < 3:
        write(place)
