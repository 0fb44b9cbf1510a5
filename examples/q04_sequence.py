"""Q04. Does it matter whether T cells come before, with or after the drug, given that IL-15 falls as leukemia falls?"""

import numpy as np
from common import BOTH, SUBJECTS, arms_of, bands, changed, percent, plausible

import gvlab
from gvlab.calibration import predict

T_CELLS = (0, 2, 4, 6, 8, 10)
DRUG = (1, 2, 4, 6, 8, 10)


def main():
    ensemble, sets = plausible(__doc__)
    base = arms_of("mathew2018_survival")
    plan = base.arm(BOTH).protocol
    first = [gvlab.Arm(f"cells {day}", changed(plan, "b6_t_cells", at=f"day {day}")) for day in T_CELLS]
    second = [
        gvlab.Arm(f"drug {day}", changed(plan, "sorafenib", at=f"day {day}", until=f"day {day + 10}")) for day in DRUG
    ]
    found = predict(
        ensemble, base.replace(arms=(*first, *second)), sets=sets, subjects=SUBJECTS,
        readouts=[("IL15_niche", "day 9")],
    )  # fmt: skip
    cells = [found.share(arm.name, "overall_survival", "day 100") for arm in first]
    drug = [found.share(arm.name, "overall_survival", "day 100") for arm in second]
    print("T cells on day X, sorafenib on days 4 to 14; alive on day 100 (median and 5 to 95 % of plausible sets):")
    for day, share in zip(T_CELLS, cells, strict=True):
        print(f"  X = {day:>2}: {percent(share)}")
    print("Sorafenib on days X to X + 10, T cells on day 2:")
    for day, share in zip(DRUG, drug, strict=True):
        print(f"  X = {day:>2}: {percent(share)}")
    best_cells = T_CELLS[int(np.argmax(np.median(np.array(cells), axis=1)))]
    best_drug = DRUG[int(np.argmax(np.median(np.array(drug), axis=1)))]
    late = np.mean(np.array(cells)[-1] < np.array(cells)[T_CELLS.index(2)] - 0.1)
    print(f"Answer: best with T cells on day {best_cells}, and with sorafenib from day {best_drug}. Giving T cells on "
          f"day {T_CELLS[-1]} in place of day 2 costs more than 10 points of survival in {100 * late:.0f} % of sets: "
          "the burden at which IL-15 is high is also the burden that outgrows them.")  # fmt: skip
    bands(T_CELLS, {"T cells on this day": cells}, xlabel="day of T cells", ylabel="alive on day 100", name="q04_cells")
    bands(DRUG, {"sorafenib from this day": drug}, xlabel="first day of sorafenib", ylabel="alive on day 100",
          name="q04_drug")  # fmt: skip


if __name__ == "__main__":
    main()
