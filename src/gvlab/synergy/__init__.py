"""Two agents at several doses."""
