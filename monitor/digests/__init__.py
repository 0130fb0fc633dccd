"""Matches become a mail."""
