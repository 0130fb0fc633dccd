"""Every option is declared once; config.toml shows the same, and a new option needs no third place."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.config.options import NOUN_TABLES, OPTION_TABLES, WORD_LISTS, options_of
from monitor.config.reading import parse_config
from tests.command import unmeasured_environ

ROOT = Path(__file__).parent.parent.parent
TABLES = {**OPTION_TABLES, **NOUN_TABLES}


def shown_with_sentences(text: str) -> set[tuple[str, str]]:
    """The options beside which config.toml has the sentence of their declaration, as (table, key)."""
    shown, table = set(), ""
    for line in text.splitlines():
        code, _, comment = line.removeprefix("# ").partition("#")
        if code.startswith("["):
            table = code.strip().strip("[]")
        key = code.partition("=")[0].strip()
        if "=" in code and table in TABLES:
            known = {option.name: option.metadata.get("sentence") for option in options_of(TABLES[table])}
            if known.get(key, "") == comment.strip():
                shown.add((table, key))
    return shown


def test_config_toml_has_each_options_sentence_beside_it() -> None:
    declared = {
        (table, option.name)
        for table, kind in TABLES.items()
        for option in options_of(kind)
        if option.metadata.get("sentence")
    }
    assert declared - shown_with_sentences(DEFAULT_CONFIG.read_text("utf-8")) == set()


def test_only_options_that_the_remarks_above_them_explain_have_no_sentence() -> None:
    silent = {
        f"{table}.{option.name}"
        for table, kind in TABLES.items()
        for option in options_of(kind)
        if not option.metadata.get("sentence")
    }
    assert silent == {
        *("smtp.username", "web.host", "web.port"),
        *("feeds.name", "feeds.url"),
        *("rules.name", "rules.any", "rules.all", "rules.none", "rules.hints"),
        *("subscriptions.name", "subscriptions.to", "subscriptions.timezone"),
    }


def test_the_lists_of_a_rule_are_those_that_hold_words() -> None:
    assert WORD_LISTS == ("any", "all", "none", "hints", "ignore")


def test_the_weight_of_a_word_cannot_be_given_as_an_option() -> None:
    text = '[[rules]]\nname = "a"\nany = ["b"]\nweights = [["b", 2]]\n'
    with pytest.raises(Exception, match="weights: is not known"):
        parse_config(text, "config.toml")


TRY = """
import sys
from pathlib import Path
from monitor.config.options import as_written, changed_options
from monitor.config.reading import parse_config
from monitor.errors import ConfigError

shipped = parse_config(Path("config.toml").read_text("utf-8"), "config.toml")
edited = parse_config('[matching]\\ncolour = "blue"', "config.toml")
assert shipped.matching.colour == "red"
assert as_written(edited)["matching"] == {"ignore": [], "colour": "blue"}
assert changed_options(shipped.matching, edited.matching) == ["colour"]
try:
    parse_config('[matching]\\ncolor = "blue"', "config.toml")
except ConfigError as error:
    assert 'Did you mean "colour"?' in str(error), error
"""


@pytest.mark.outside
def test_a_new_option_is_one_line_in_its_declaration_and_one_in_config_toml(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "monitor", tmp_path / "monitor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    declaration, shown = tmp_path / "monitor" / "config" / "options.py", tmp_path / "config.toml"
    shutil.copy(ROOT / "config.toml", shown)
    (tmp_path / "pyproject.toml").touch()  # the tree is a checkout: its own config.toml is the default
    for file, head, line in (
        (declaration, '    """[matching]"""\n', '    colour: str = option("red", "the colour of marks")\n'),
        (shown, "[matching]\n", 'colour = "red"  # the colour of marks\n'),
    ):
        text = file.read_text("utf-8")
        place = (
            text.index("\n\n", text.index(head) + len(head)) + 1
            if file == shown
            else text.index("\n\n\n", text.index(head)) + 1
        )
        file.write_text(text[:place] + line + text[place:], "utf-8")
    environment = {**unmeasured_environ(), "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for command in (["-c", TRY], ["-m", "monitor", "check"], ["-m", "monitor", "config"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert 'colour = "red"' in done.stdout
