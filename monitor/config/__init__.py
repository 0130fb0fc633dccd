"""config.toml, read: options, values, secrets, and the places of keys in the text."""
