"""The HTTP server of the service: health checks, figures, and the pages for readers. Off by default; see [web] in config.toml."""
