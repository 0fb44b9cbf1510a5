"""Numbers that a command names in its help and a workflow takes where none is given; importing them costs nothing."""

SEED = 2018
"""Of the virtual subjects."""

SUBJECTS, QUICK_SUBJECTS = 200, 24
"""Virtual subjects that go through every arm: of a run, and of a first look."""

RAW_ANIMALS = 3
"""Animals of each arm whose instrument files are written."""

SETS, QUICK_SETS = 120, 30
"""Plausible parameter sets that are asked, where not all are."""

PLAN_SETS, SYNERGY_SETS = 24, 8
"""Plausible parameter sets that a plan and a map ask, or as many as there are."""
