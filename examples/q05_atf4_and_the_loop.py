"""Q05. Is loss of ATF4 enough to raise IL-15 without FLT3 inhibition, and what does the IRF7-ATF4 loop do in time?"""

import numpy as np
from common import arms_of, bands, plausible, times

import gvlab
from gvlab.calibration import predict
from gvlab.protocol import Change, Condition

CULTURE = "culture_flt3itd"
LEFT = (1.0, 0.8, 0.6, 0.4, 0.2)
HOURS = (2, 4, 6, 9, 12, 18, 24, 36, 48)


def atf4(left):
    """A knockdown that leaves a share of ATF4 synthesis."""
    return Condition((f"ATF4 {left:.0%}",), (Change("ATF4_overexpression", left - 1.0),))


def main():
    ensemble, sets = plausible(__doc__)
    base = arms_of("mathew2018_axis", CULTURE)
    vehicle, drug = base.arm("vehicle").protocol, base.arm("sorafenib").protocol
    arms = [gvlab.Arm(f"ATF4 {left}", vehicle, 10, atf4(left)) for left in LEFT]
    arms += [gvlab.Arm("sorafenib", drug), gvlab.Arm("sorafenib, no loop", drug, 10, "no_il15_loop")]
    days = [f"day {hour / 24:.4f}" for hour in HOURS]
    readouts = [("IL15_mRNA", day) for day in days] + [("ATF4", day) for day in days]
    found = predict(
        ensemble, base.replace(arms=tuple(arms)), sets=max(sets, 100), subjects=4, readouts=readouts, endpoints=[]
    )

    def mrna(arm, day="day 1.0000"):
        return np.nanmedian(found.reading(arm, "IL15_mRNA", day), axis=1)

    print("Il15 mRNA after 24 h, no drug, relative to untreated (median and 5 to 95 % of plausible sets):")
    lost = [mrna(f"ATF4 {left}") / mrna("ATF4 1.0") for left in LEFT]
    for left, change in zip(LEFT, lost, strict=True):
        print(f"  {100 * left:>3.0f} % of ATF4 synthesis left: {times(change)}")
    sorafenib = mrna("sorafenib") / mrna("ATF4 1.0")
    print(f"  sorafenib 10 nM: {times(sorafenib)}")
    enough = np.mean(lost[-1] >= 1.5)
    print(f"Answer: yes in the model. Losing 80 % of ATF4 alone gives at least 1.5-fold in {100 * enough:.0f} % of "
          f"sets, and {100 * np.median(lost[-1] / sorafenib):.0f} % of what the drug gives.\n")  # fmt: skip
    course = {
        name: [mrna(name, day) / mrna("ATF4 1.0") for day in days] for name in ("sorafenib", "sorafenib, no loop")
    }
    with_loop, without = np.array(course["sorafenib"]), np.array(course["sorafenib, no loop"])
    half = {name: np.array(HOURS)[np.argmax(np.array(values) >= np.array(values)[-1] * 0.5, axis=0)]
            for name, values in course.items()}  # fmt: skip
    print(f"The loop lowers the plateau at 48 h to {times(with_loop[-1] / without[-1])} of that without it, and the "
          f"peak over the plateau is {times(with_loop.max(0) / with_loop[-1])}: it damps, and makes no pulse, since "
          f"it is weak by assumption.\nHalf of the plateau is reached by {np.median(half['sorafenib']):.0f} h "
          f"(without the loop {np.median(half['sorafenib, no loop']):.0f} h).")  # fmt: skip
    bands(HOURS, course, xlabel="hours on sorafenib", ylabel="Il15 mRNA, fold of untreated", name="q05_course")
    bands(LEFT, {"no drug": lost}, xlabel="share of ATF4 synthesis left", ylabel="Il15 mRNA at 24 h, fold",
          name="q05_atf4")  # fmt: skip


if __name__ == "__main__":
    main()
