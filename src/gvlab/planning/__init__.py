"""Numbers of animals, randomization, design sheet."""
