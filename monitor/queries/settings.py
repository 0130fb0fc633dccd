"""List every option of a configuration, as it would stand in config.toml, with where its value comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Any

from monitor.config.checked import CheckedConfig
from monitor.config.environment import overrides_of, variable_of
from monitor.config.options import NOUN_TABLES, OPTION_TABLES, as_written, options_of
from monitor.config.positions import read_positions
from monitor.texts import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The value of an option as config.toml would say it, secrets masked, and its source."""

    key: str
    value: Any
    source: str  # "default", "line 12", "$MONITOR_SMTP__HOST"
    is_default: bool  # the value is the default's, wherever it comes from


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTable:
    """A table with its settings, in the order of their declaration."""

    name: str
    is_noun: bool  # one of [[feeds]], [[rules]] and [[subscriptions]]
    settings: tuple[Setting, ...]


def settings_of(checked: CheckedConfig, environ: Mapping[str, str], *, changed: bool) -> list[SettingsTable]:
    """Return all tables with their settings; where `changed`, without those that have their default's value."""
    tables = [
        SettingsTable(
            name=table.name,
            is_noun=table.is_noun,
            settings=tuple(setting for setting in table.settings if not (changed and setting.is_default)),
        )
        for table in _tables(checked, environ)
    ]
    return [table for table in tables if table.settings]


def _tables(checked: CheckedConfig, environ: Mapping[str, str]) -> Iterator[SettingsTable]:
    written, positions, overrides = (
        as_written(checked.config),
        read_positions(checked.text),
        overrides_of(environ),
    )

    def settings(name: str, kind: type, index: int, values: Mapping[str, Any]) -> Iterator[Setting]:
        defaults = {option.name: option.default for option in options_of(kind)}
        for key, value in values.items():
            default = defaults[key]
            source: str = sentence("default")
            if positions.key(name, index, key) and (line := positions.line_of(name, index, key)):
                source = sentence("line {line}", line=line)
            if overrides.has(name, key):
                source = f"${variable_of(name, key)}"
            is_default = default is not MISSING and (value or None) == (as_written(default) or None)
            yield Setting(key=key, value=value, source=source, is_default=is_default)

    for name, kind in OPTION_TABLES.items():
        found = tuple(settings(name, kind, 0, written[name]))
        yield SettingsTable(name=name, is_noun=False, settings=found)
    yield SettingsTable(
        name="aliases",
        is_noun=False,
        settings=tuple(
            Setting(key=key, value=words, source=sentence("line {line}", line=line), is_default=False)
            for key, words in written["aliases"].items()
            for line in [positions.line_of("aliases", 0, key)]
        ),
    )
    for name, kind in NOUN_TABLES.items():
        for index, values in enumerate(written[name]):
            yield SettingsTable(name=name, is_noun=True, settings=tuple(settings(name, kind, index, values)))
