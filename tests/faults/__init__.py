"""Troubles that feeds make: each is played on loopback to a real service beside good feeds, and judged."""
