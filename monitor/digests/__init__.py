"""Turn matches into the content of a mail."""
