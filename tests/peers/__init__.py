"""Our mail against mail servers that others wrote: Postfix takes and returns it, Dovecot lets it be read."""
