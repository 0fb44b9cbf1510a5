"""Q01. Which arm separates leukemia-derived from host IL-15, with 8 to 10 mice a group - and what stays unknown?

Three ways to take IL-15 away from mice on sorafenib and T cells: a leukemia without Il15, a recipient without Il15, an
antibody. An arm separates the two sources if it changes the outcome when one is missing and not when the other is.
"""

import numpy as np
from common import BOTH, arms_of, bands, percent, plausible, times

from gvlab.calibration import predict
from gvlab.statistics.approximate_power import logrank_power, mannwhitney_power

TAKEN = {
    "IL-15-deficient leukemia": f"{BOTH}, IL-15-deficient leukemia",
    "IL-15-deficient recipient": f"{BOTH}, IL-15-deficient recipient",
    "anti-IL-15": f"{BOTH}, anti-IL-15",
}
MICE = (6, 8, 10, 12, 15)


def main():
    ensemble, sets = plausible(__doc__)
    experiment = arms_of("mathew2018_il15_source", "balbc_into_b6_marrow_itd")
    found = predict(
        ensemble, experiment, sets=sets, readouts=[("IL15_serum", "day 9"), ("IL15_niche", "day 9")], subjects=12
    )
    control, serum = found.share(BOTH, "overall_survival", "day 100"), found.reading(BOTH, "IL15_serum", "day 9")
    print(f"Alive on day 100 with everything intact: {percent(control)} (median and 5 to 95 % of plausible sets)\n")
    survival_power = {}
    for name, arm in TAKEN.items():
        alive = found.share(arm, "overall_survival", "day 100")
        power = {n: logrank_power(found.curve(arm), found.curve(BOTH), n, 0.05) for n in MICE}
        survival_power[name] = [power[n] for n in MICE]
        other = found.reading(arm, "IL15_serum", "day 9")
        by_serum = mannwhitney_power(other, serum, 8, 0.05)
        print(f"{name}: alive {percent(alive)}, a change of {percent(alive - control)} points")
        print(f"  significant by log-rank with 8 mice a group in {percent(power[8])} of experiments, "
              f"with 10 in {percent(power[10])}")  # fmt: skip
        print(f"  serum IL-15 on day 9 {times(np.nanmedian(other, 1) / np.nanmedian(serum, 1))}, "
              f"significant with 8 mice in {percent(by_serum)}\n")  # fmt: skip
    best = max(("IL-15-deficient leukemia", "IL-15-deficient recipient"), key=lambda n: np.median(survival_power[n][2]))
    print(
        f"Answer: the arm with the {best} separates the sources; the other knock-out is the control that must not move."
    )
    print("An antibody takes IL-15 of both sources, so it shows that IL-15 is needed and not where it comes from.\n")
    unknown(ensemble)
    bands(MICE, survival_power, xlabel="mice in each group", ylabel="power of a log-rank test", name="q01_power")


def unknown(ensemble):
    """Say what these data cannot tell apart: secretion and sensitivity enter as a ratio."""
    presented, sensitivity = ensemble.column("IL15_presented_blast"), ensemble.column("EC50_il15_cd8")

    def spread(values):
        low, high = np.quantile(values, [0.05, 0.95])
        return high / low

    r = np.corrcoef(np.log(presented), np.log(sensitivity))[0, 1]
    print("What the claims cannot tell apart")
    print(f"  what a blast presents spans {spread(presented):.1f}-fold over plausible sets, the EC50 of CD8 "
          f"{spread(sensitivity):.1f}-fold,\n  their ratio {spread(presented / sensitivity):.1f}-fold "
          f"(r of logs {r:.2f})")  # fmt: skip
    print(
        "  A CD8 cell sees the ratio only: presenting twice as much to cells half as sensitive changes nothing that a\n"
        "  claim reads, so no more of such data will part them. A dose-response of the same CD8 cells to IL-15\n"
        "  presented by cells without Il15 (Bcl-2 after 48 h) measures the sensitivity, and so the secretion."
    )


if __name__ == "__main__":
    main()
