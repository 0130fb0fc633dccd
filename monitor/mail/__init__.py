"""A mail reaches an inbox."""
