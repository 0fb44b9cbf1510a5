"""Tableaus of the one-step methods."""
