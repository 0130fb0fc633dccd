"""The HTTP server of the service: health checks and figures. Off by default; see [web] in config.toml."""
