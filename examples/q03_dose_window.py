"""Q03. Which dose window gives IL-15 induction without suppressing T cells?"""

import numpy as np
from common import BOTH, SUBJECTS, arms_of, bands, changed, percent, plausible, times

import gvlab
from gvlab.calibration import predict

DOSES = (1, 3, 10, 20, 40, 80)
HOURS = [f"day {9 + hour / 24:.4f}" for hour in range(0, 24, 3)]


def main():
    ensemble, sets = plausible(__doc__)
    base = arms_of("mathew2018_survival")
    plan = base.arm(BOTH).protocol
    arms = [gvlab.Arm(f"{dose}", changed(plan, "sorafenib", amount=f"{dose} mg/kg")) for dose in DOSES]
    readouts = [(name, hour) for name in ("IL15_mRNA", "drug_on_cd8") for hour in HOURS]
    found = predict(ensemble, base.replace(arms=tuple(arms)), sets=sets, subjects=SUBJECTS, readouts=readouts)

    def over_a_day(arm, readout):
        return np.nanmean([np.nanmedian(found.reading(arm, readout, hour), axis=1) for hour in HOURS], axis=0)

    induction = [over_a_day(arm.name, "IL15_mRNA") for arm in arms]
    division = [over_a_day(arm.name, "drug_on_cd8") for arm in arms]
    alive = [found.share(arm.name, "overall_survival", "day 100") for arm in arms]
    print("Sorafenib by mouth once a day, averages over the day of the sixth dose (5 to 95 % of plausible sets):")
    for dose, one, two, three in zip(DOSES, induction, division, alive, strict=True):
        print(
            f"  {dose:>2} mg/kg: IL-15 mRNA {times(one)}; CD8 division left {percent(two)}; "
            f"alive on day 100 {percent(three)}"
        )
    middle = np.median(np.array(alive), axis=1)
    inside = [dose for dose, share in zip(DOSES, middle, strict=True) if share >= middle.max() - 0.1]
    kept = np.array([np.median(values) for values in division])
    costs = [dose for dose, left in zip(DOSES, kept, strict=True) if left < 0.9]
    print(f"Answer: the median set does best from {inside[0]} to {inside[-1]} mg/kg. CD8 division falls below 90 % "
          f"{f'from {costs[0]} mg/kg' if costs else 'at no dose tried'}.")  # fmt: skip
    print("The upper end hangs on the concentration that inhibits T cells, known within a factor of ten only.")
    bands(DOSES, {"CD8 division left": division, "alive on day 100": alive}, xlabel="sorafenib (mg/kg a day)",
          ylabel="share", name="q03_dose", log=True)  # fmt: skip


if __name__ == "__main__":
    main()
