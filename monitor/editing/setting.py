"""Set one option of a table in the text of a config.toml; everything else in the text stays as it is."""

import tomllib

from monitor.config.positions import read_positions
from monitor.editing.edit import behind_tables, with_line
from monitor.errors import MonitorError
from monitor.rules.words import quoted
from monitor.texts import sentence


def with_setting(text: str, table: str, key: str, value: str) -> str:
    """Return the text with an option of a table at this value: in its place, else as a line or a table more.

    Raises MonitorError where it stands in a way that cannot be changed in place.
    """
    written = quoted(value)
    positions = read_positions(text)
    if there := positions.key(table, 0, key):
        changed = text[: there.value.start] + written + text[there.value.end :]
    elif positions.table(table):
        changed = with_line(text, (table, 0, key), f"{key} = {written}")
    else:
        changed = behind_tables(text, table, f"[{table}]\n{key} = {written}\n")
    try:
        if tomllib.loads(changed)[table][key] == value:
            return changed
    except tomllib.TOMLDecodeError:
        pass
    raise MonitorError(
        sentence(
            "[{table}] {key} cannot be changed in place. Write it yourself: {key} = {value}",
            table=table,
            key=key,
            value=written,
        )
    )
