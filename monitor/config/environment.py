"""Options from the environment: MONITOR_FETCH__TIMEOUT=10s stands above timeout in [fetch]."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitor.config.options import OPTION_TABLES, options_of
from monitor.config.secrets import PASSWORD_VARIABLE
from monitor.errors import ENVIRONMENT, Problem, nearest
from monitor.texts import sentence

PREFIX = "MONITOR_"
_BETWEEN = "__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The options that the environment sets: TOML values by table and key, and what is wrong with its variables."""

    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def has(self, table: str, key: str) -> bool:
        """Return whether an option is set here."""
        return key in self.values.get(table, ())


NO_OVERRIDES = Overrides()


def variable_of(table: str, key: str) -> str:
    """Return the variable that sets an option: MONITOR_SMTP__HOST."""
    return f"{PREFIX}{table.upper()}{_BETWEEN}{key.upper()}"


def overrides_of(environ: Mapping[str, str]) -> Overrides:
    """Return what the environment sets. Lists are written as in TOML; an empty variable sets nothing."""
    known = dict(_known())
    values: dict[str, dict[str, object]] = {}
    problems = []
    for variable, written in sorted(environ.items()):
        if not variable.startswith(PREFIX) or _BETWEEN not in variable or variable == PASSWORD_VARIABLE:
            continue
        if variable not in known:
            problems.append(_unknown(variable, list(known)))
        elif written:
            table, key, default = known[variable]
            values.setdefault(table, {})[key] = _value(written, default)
    return Overrides(values=values, problems=tuple(problems))


def _known() -> Iterator[tuple[str, tuple[str, str, object]]]:
    for table, kind in OPTION_TABLES.items():
        for option in options_of(kind):
            yield variable_of(table, option.name), (table, option.name, option.default)


def _value(written: str, default: object) -> object:
    """Return a variable's text as the TOML value that the option wants; the text itself where it is none."""
    if isinstance(default, int | float | tuple) or written[:1] + written[-1:] in ('""', "''"):
        try:
            return tomllib.loads(f"value = {written}")["value"]
        except (tomllib.TOMLDecodeError, RecursionError):  # the latter by thousands of brackets
            return written  # the option says what it expects instead
    return written


def _unknown(variable: str, known: list[str]) -> Problem:
    close = nearest(variable, known)
    instead = (
        sentence('Did you mean "{name}"?', name=close)
        if close
        else sentence("Remove it, or correct its name.")
    )
    return Problem(
        where=ENVIRONMENT,
        key=variable,
        line=None,
        what=sentence("is no option."),
        instead=instead,
    )
