"""The long-running process: what is due, the ticks, the configuration file, the log events."""
