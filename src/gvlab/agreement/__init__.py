"""A laboratory's own data held against a prediction."""
