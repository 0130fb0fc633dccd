"""Write the systemd unit of an installation, from the one that travels with the program."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from monitor.errors import MonitorError
from monitor.texts import sentence

# What a unit of a user's own manager cannot have: another user, system targets, and what needs rights to mount.
_SYSTEM_ONLY = (
    *("Wants", "After", "User", "StateDirectory", "StateDirectoryMode", "CapabilityBoundingSet", "Private"),
    *("Protect", "ProcSubset", "RemoveIPC", "RestrictNamespaces"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSettings:
    """What is particular about the unit of one installation."""

    program: Sequence[str]  # the words that start this program, the first an absolute path
    config: PurePosixPath  # config.toml
    password: PurePosixPath | None  # the file to load the password from as a credential; None without one
    for_user: bool  # run by a user's own systemd


def unit_text(shipped: str, settings: UnitSettings) -> str:
    """Return the text of a unit: that of the shipped one with the paths of this installation.

    Raises MonitorError for a path that a unit cannot have.
    """
    for path in (*settings.program, str(settings.config), str(settings.password or "")):
        _require_plain(path)
    lines: list[str] = []
    for line in shipped.splitlines():
        name, is_setting, _ = line.partition("=")
        if not is_setting or line.startswith("#"):
            lines.append(line)
        elif name == "ExecStart":
            words = [*settings.program, "--config", str(settings.config), "run"]
            lines.append(f"ExecStart={' '.join(map(_quoted, words))}")
        elif name == "LoadCredential":
            if settings.password:
                lines.append(f"LoadCredential=smtp_password:{str(settings.password).replace('%', '%%')}")
            else:
                lines.pop()  # the comment on it
        elif name == "WantedBy" and settings.for_user:
            lines.append("WantedBy=default.target")
        elif not (settings.for_user and name.startswith(_SYSTEM_ONLY)):
            lines.append(line)
    return _without_head("\n".join(lines)) + "\n"


def _without_head(text: str) -> str:
    """Return the text from its first section on, under a line that says who wrote it."""
    head = '# Written by "monitor service install" of feed-monitor, which may write it again.'
    return f"{head}\n{text[text.index('[Unit]') :]}"


def _require_plain(path: str) -> None:
    """Raise MonitorError where systemd would refuse a path, or a line of the unit would end in it."""
    is_odd = any(unicodedata.category(character) in ("Cc", "Cs") for character in path)
    if is_odd or set(path) & set("\"'\\"):
        raise MonitorError(
            sentence(
                "systemd takes no path with a quotation mark, a backslash, a line break or the like in it: {path}. "
                "Move the program or the configuration to another directory. Nothing was done.",
                path=ascii(path) if is_odd else path,
            )
        )


def _quoted(word: str) -> str:
    """Return a word of a command line as systemd.service(5) reads it."""
    escaped = word.replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(word) & set(" ;") else escaped
