"""Sorafenib and allogeneic T cells in FLT3-ITD leukemia (after Mathew et al. 2018)."""

import gvlab

# What a mouse can be given. Amounts here are placeholders; the paper's are in the library.
irradiation = gvlab.Dose("total_body_irradiation", "8 Gy", at="day 0")
marrow = gvlab.Dose("b6_bone_marrow", "5e6 cell", at="day 0")
leukemia = gvlab.Dose("wehi3b_flt3itd", "5e3 cell", at="day 0")
t_cells = gvlab.Dose("b6_t_cells", "2e5 cell", at="day 2")
sorafenib = gvlab.Dose("sorafenib", "10 mg/kg", at="day 4", every="1 day", until="day 14")
transplant = irradiation + marrow + leukemia

# C57BL/6 donors into leukemia-bearing BALB/c recipients, four groups of ten.
experiment = gvlab.Experiment(
    "Sorafenib synergizes with allogeneic T cells",
    system="b6_into_balbc_wehi3b",
    arms=[
        gvlab.Arm("BM", transplant, n=10),
        gvlab.Arm("BM + sorafenib", transplant + sorafenib, n=10),
        gvlab.Arm("BM + T cells", transplant + t_cells, n=10),
        gvlab.Arm("BM + T cells + sorafenib", transplant + t_cells + sorafenib, n=10),
    ],
    assays=["serum_il15", "cd8_flow", "bioluminescence"],
    endpoints=["overall_survival"],
    until="day 100",
)
results = experiment.run(seed=2018)

# Do treated mice live longer, and is IL-15 raised while they are on drug?
treated, control = "BM + T cells + sorafenib", "BM + T cells"
print(results.events("overall_survival").logrank(treated, versus=control))
print(results.measured("serum_il15", at="day 12").compare(treated, versus=control))

# Is leukemia-derived IL-15 necessary? The same experiment with IL-15-deficient leukemia.
knockout = experiment.under("il15_deficient_leukemia").run(seed=2018)
print(knockout.events("overall_survival").logrank(treated, versus=control))

gvlab.figures.survival(results.events("overall_survival"), save="survival.pdf")
print(gvlab.cite(experiment))  # the source of every number used above
