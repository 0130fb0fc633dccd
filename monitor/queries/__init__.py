"""Read-only use cases of single commands: they store and send nothing."""
