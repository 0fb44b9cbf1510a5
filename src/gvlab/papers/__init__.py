"""Papers told again with simulated data; the only code that may know biology by name."""
