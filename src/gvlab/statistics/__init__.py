"""What may be concluded: estimates with intervals, tests, and how often a small experiment would be significant."""

from gvlab.statistics.comparison import (
    GroupComparison,
    ManyGroups,
    cliffs_delta,
    cliffs_deltas,
    compare_many,
    compare_two,
    hodges_lehmann,
    holm,
    mann_whitney,
    median_with_interval,
    paired_effect,
)
from gvlab.statistics.competing import CumulativeIncidence, cumulative_incidence, gray
from gvlab.statistics.confounding import e_value, risk_ratio
from gvlab.statistics.estimate import Estimate, HypothesisTest, Power, wilson_interval
from gvlab.statistics.hazard import HazardRatio, hazard_ratio, logrank
from gvlab.statistics.many_curves import curves_at, restricted_means
from gvlab.statistics.power import logrank_power, mannwhitney_power, welch_power
from gvlab.statistics.proportions import ProportionComparison, compare_proportions, paired_difference
from gvlab.statistics.start_stop import Landmark, first_of, landmark, mantel_byar, start_stop
from gvlab.statistics.survival import SurvivalCurve, kaplan_meier, restricted_mean, restricted_mean_difference
from gvlab.statistics.synergy import HillCurve, Synergy, loewe_effect, synergy
from gvlab.statistics.weights import effective_size, weighted_share

__all__ = [
    "CumulativeIncidence",
    "Estimate",
    "GroupComparison",
    "HazardRatio",
    "HillCurve",
    "HypothesisTest",
    "Landmark",
    "ManyGroups",
    "Power",
    "ProportionComparison",
    "SurvivalCurve",
    "Synergy",
    "cliffs_delta",
    "cliffs_deltas",
    "compare_many",
    "compare_proportions",
    "compare_two",
    "cumulative_incidence",
    "curves_at",
    "e_value",
    "effective_size",
    "first_of",
    "gray",
    "hazard_ratio",
    "hodges_lehmann",
    "holm",
    "kaplan_meier",
    "landmark",
    "loewe_effect",
    "logrank",
    "logrank_power",
    "mann_whitney",
    "mannwhitney_power",
    "mantel_byar",
    "median_with_interval",
    "paired_difference",
    "paired_effect",
    "restricted_mean",
    "restricted_mean_difference",
    "restricted_means",
    "risk_ratio",
    "start_stop",
    "synergy",
    "weighted_share",
    "welch_power",
    "wilson_interval",
]
