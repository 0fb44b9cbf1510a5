"""The mathematics of the biology: an SBML document, its equations, its parameters and the rules they keep."""
