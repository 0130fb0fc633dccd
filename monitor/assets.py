"""Where the files that travel with the program are: the templates, the default configuration, the systemd unit."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _root() -> Path:
    # An editable install leaves a stale copy inside the package: the repository wins when it is there.
    repository = _PACKAGE.parent
    if (repository / "pyproject.toml").is_file() and (repository / "templates").is_dir():
        return repository
    return _PACKAGE / "_assets"


TEMPLATES = _root() / "templates"
DEFAULT_CONFIG = _root() / "config.toml"
UNIT = _root() / "deploy" / "monitor.service"
