"""What happened, remembered."""
