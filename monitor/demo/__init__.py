"""Show the main job from outside, without an account or a network: a feed, the service, a mail server."""
