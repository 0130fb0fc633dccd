"""The main job, seen from outside, without an account or a network."""
