"""Propose a rule that finds more entries like one article."""
