"""A URL becomes entries."""
