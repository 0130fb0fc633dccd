"""Change config.toml in place: words, rules, earlier versions; and what looks wrong in it."""
