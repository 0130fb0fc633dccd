"""The HTTP server of the service: health checks, figures, pages for readers. Off by default: [web] in config.toml."""
