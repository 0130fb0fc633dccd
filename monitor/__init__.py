"""Watch news feeds, keep what the rules want, mail it as a digest."""

from typing import Final

__version__: Final = "0.1.0"
