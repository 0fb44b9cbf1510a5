"""Names of symbols that stand beside those of the document. No SBML id has a blank, so none can collide with one."""

from __future__ import annotations

TIME = "time "
"""Time."""

RATE_OF = "rate of "
"""Prefix of the symbol for a rate of change, which is replaced when all equations are known."""

AMOUNT = "amount of "
"""Prefix of the symbol for the amount of a species whose own symbol is its concentration."""

GIVEN = "given "
"""Prefix of the symbol for the initial value of a species as the document, or the user, gives it."""
