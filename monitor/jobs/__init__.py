"""The rooms, and the broom: poll, compose, rematch, deliver, prune."""
