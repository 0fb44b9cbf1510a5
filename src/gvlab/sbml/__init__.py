"""Equations read from an SBML document, as a graph of formulas. The engine imports this and nothing else of ours."""
