"""The official SBML semantic test suite, run against the ensemble engine."""
