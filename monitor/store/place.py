"""Look for a database file, without loading what opens databases."""

from pathlib import Path

from monitor.errors import StoreError
from monitor.reasons import reason_of
from monitor.texts import sentence


def is_there(file: Path) -> bool:
    """Return whether there is something of this name. Raises StoreError where that cannot be one, or not be seen."""
    try:
        return file.exists()
    except OSError as error:  # too long, or in a directory that is closed to us
        raise StoreError(sentence("{file} cannot be used: {why}", file=file, why=reason_of(error))) from error
