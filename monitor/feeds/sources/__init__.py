"""What we know about single publishers."""
