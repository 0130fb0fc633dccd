"""Find a key that no other row has."""

from collections.abc import Collection
from itertools import count


def free_key(name: str, keys: Collection[str]) -> str:
    """Return the name, or the name with a number where another row has it: the key stays when the name changes."""
    return next(
        key for number in count(1) if (key := f"{name} #{number}" if number > 1 else name) not in keys
    )
