"""Entries become matches."""
