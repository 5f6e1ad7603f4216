"""Decisions: limits held against figures, a verdict for each service, what would break, which move first. Pure."""
