"""Published statements held against what was simulated."""
