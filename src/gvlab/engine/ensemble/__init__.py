"""Our engine: many subjects at once."""
