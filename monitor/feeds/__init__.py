"""Fetch feeds and articles, and turn what was fetched into entries."""
