"""Q06. Would an activator of the integrated stress response, or ER stress (a co-medication), blunt the effect?

Either raises ATF4 whatever FLT3-ITD does. Here ATF4 synthesis is added, as a multiple of that of the untreated cell.
"""

import numpy as np
from common import BOTH, SUBJECTS, arms_of, bands, percent, plausible, times

import gvlab
from gvlab.calibration import predict
from gvlab.protocol import Change, Condition

ADDED = (0.0, 0.25, 0.5, 1.0, 2.0)


def stress(added):
    """ATF4 synthesis that does not hang on FLT3-ITD."""
    return Condition((f"stress {added:g}",), (Change("ATF4_overexpression", added),))


def main():
    ensemble, sets = plausible(__doc__)
    culture = arms_of("mathew2018_axis", "culture_flt3itd")
    drug = culture.arm("sorafenib").protocol
    wells = [gvlab.Arm(f"{added:g}", drug, 10, stress(added)) for added in ADDED]
    wells.append(gvlab.Arm("vehicle", culture.arm("vehicle").protocol))
    found = predict(
        ensemble, culture.replace(arms=tuple(wells)), sets=max(sets, 100), subjects=4, endpoints=[],
        readouts=[("IL15_mRNA", "day 1"), ("pIRF7", "day 1")],
    )  # fmt: skip

    def fold(arm):
        return np.nanmedian(found.reading(arm, "IL15_mRNA", "day 1"), 1) / np.nanmedian(
            found.reading("vehicle", "IL15_mRNA", "day 1"), 1
        )

    print("Sorafenib with added ATF4 synthesis, Il15 mRNA at 24 h against vehicle (5 to 95 % of plausible sets):")
    for added in ADDED:
        print(f"  + {added:g}: {times(fold(f'{added:g}'))}")
    base = arms_of("mathew2018_survival")
    mice = [gvlab.Arm(f"{added:g}", base.arm(BOTH).protocol, 10, stress(added)) for added in ADDED]
    lived = predict(ensemble, base.replace(arms=tuple(mice)), sets=sets, subjects=SUBJECTS)
    alive = [lived.share(arm.name, "overall_survival", "day 100") for arm in mice]
    print("Mice on sorafenib and T cells, alive on day 100:")
    for added, share in zip(ADDED, alive, strict=True):
        print(f"  + {added:g}: {percent(share)}")
    lost = np.mean(alive[0] - alive[3] >= 0.3)
    print(f"Answer: yes. Added ATF4 synthesis as large as that of the untreated cell costs 30 points of survival or "
          f"more in {100 * lost:.0f} % of plausible sets; half as much, a median of "
          f"{100 * np.median(alive[0] - alive[2]):.0f} points.")  # fmt: skip
    bands(ADDED, {"alive on day 100": alive}, xlabel="ATF4 synthesis added (1: that of the untreated cell)",
          ylabel="share", name="q06_stress")  # fmt: skip


if __name__ == "__main__":
    main()
