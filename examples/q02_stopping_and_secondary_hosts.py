"""Q02. If sorafenib stops on day X, does control persist, and how many T cells clear a secondary host?"""

import numpy as np
from common import BOTH, SUBJECTS, WEHI3B, arms_of, bands, changed, percent, plausible

import gvlab
from gvlab.calibration import predict

STOPS = (6, 8, 10, 14, 21, 28)
CELLS = (300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 1e6)
FROM_TREATED = "T cells of primaries with sorafenib"


def main():
    ensemble, sets = plausible(__doc__)
    base = arms_of("mathew2018_survival")
    plan = base.arm(BOTH).protocol
    arms = [gvlab.Arm(f"stop {day}", changed(plan, "sorafenib", until=f"day {day}")) for day in STOPS]
    found = predict(
        ensemble, base.replace(arms=tuple(arms)), sets=sets, subjects=SUBJECTS,
        endpoints=[("overall_survival", "day 100"), ("cure", "day 100")],
    )  # fmt: skip
    alive = [found.share(arm.name, "overall_survival", "day 100") for arm in arms]
    cured = [found.share(arm.name, "cure", "day 100") for arm in arms]
    print("Sorafenib daily from day 4, last dose on day X (median and 5 to 95 % of plausible sets):")
    for day, one, other in zip(STOPS, alive, cured, strict=True):
        print(f"  X = {day:>2}: alive on day 100 {percent(one)}; leukemia extinct {percent(other)}")
    gain = np.median(np.array(alive), axis=1)
    enough = next(day for day, share in zip(STOPS, gain, strict=True) if share >= gain.max() - 0.05)
    print(f"Answer: a course until day {enough} gives what longer ones give, within 5 points in the median set.\n")

    secondary = arms_of("mathew2018_secondary", WEHI3B)
    plan = secondary.arm(FROM_TREATED).protocol
    transfers = [
        gvlab.Arm(f"{n:g}", changed(plan, "secondary_t_cells", amount=f"{n:g} cell")) for n in CELLS
    ]  # fmt: skip
    passed = predict(
        ensemble, secondary.replace(arms=tuple(transfers)), sets=sets, subjects=SUBJECTS,
        endpoints=[("overall_survival", "day 100"), ("cure", "day 100")],
    )  # fmt: skip
    print("T cells of sorafenib-treated primaries into a secondary host with leukemia, no drug:")
    cleared = [passed.share(arm.name, "cure", "day 100") for arm in transfers]
    for n, share in zip(CELLS, cleared, strict=True):
        print(f"  {n:>9,.0f} donor CD8: leukemia extinct {percent(share)}")
    half = [n for n, share in zip(CELLS, cleared, strict=True) if np.median(share) >= 0.5]
    answer = f"{half[0]:,.0f} cells are the fewest of these that clear it" if half else "no number tried clears it"
    print(f"Answer: {answer} in half of the hosts of the median set; the range over sets is wide.")
    shares = {"alive": alive, "leukemia extinct": cured}
    bands(STOPS, shares, xlabel="last day of sorafenib", ylabel="share on day 100", name="q02_stop")
    label = "secondary hosts cleared"
    bands(CELLS, {"extinct": cleared}, xlabel="donor CD8 transferred", ylabel=label, name="q02_cells", log=True)


if __name__ == "__main__":
    main()
