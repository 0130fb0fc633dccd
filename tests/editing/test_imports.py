import tomllib

from monitor.config.options import Rule
from monitor.editing.imports import as_toml, with_rules
from monitor.editing.trendradar import ImportedRules

RULE = Rule(name="芯片", any=("光刻机", 'x"y'), all=("国产",), max=3, fields=("title",))


def imported(*rules: Rule, excluded: tuple[str, ...] = ()) -> ImportedRules:
    return ImportedRules(rules=rules, excluded=excluded, notes=())


def test_a_rule_is_written_as_it_would_stand_in_the_file() -> None:
    many = Rule(name="many", any=tuple(f"word {number}" for number in range(9)))
    assert as_toml(imported(RULE, many)) == (
        '[[rules]]\nname = "芯片"\nany = ["光刻机", "x\\"y"]\nall = ["国产"]\nfields = ["title"]\nmax = 3\n\n'
        + '[[rules]]\nname = "many"\nany = [\n'
        + "".join(f'    "word {number}",\n' for number in range(9))
        + ']\nfields = ["title", "summary", "text"]\n'
    )


def test_words_that_no_rule_wants_are_an_alias_set_of_every_rule() -> None:
    assert as_toml(imported(RULE, excluded=("震惊", "速看"))).startswith(
        '[aliases]\n"不要" = ["震惊", "速看"]\n\n[[rules]]'
    )
    text = '[[rules]]\r\nname = "芯片"\r\nany = ["a"]\r\n[web]\r\n[aliases]\r\n不 = 1\r\n'.replace(
        "不", '"不要"'
    )
    changed = with_rules(text, imported(RULE, RULE, excluded=("震惊",)))
    assert changed.replace("\r\n", "").count("\n") == 0
    read = tomllib.loads(changed)
    assert [rule["name"] for rule in read["rules"]] == ["芯片", "芯片 2", "芯片 3"]
    assert [rule.get("none") for rule in read["rules"]] == [None, ["@不要 2"], ["@不要 2"]]
    assert read["aliases"] == {"不要": 1, "不要 2": ["震惊"]}
    assert changed.startswith('[[rules]]\r\nname = "芯片"\r\nany = ["a"]\r\n\r\n[[rules]]')
    assert changed.endswith('max = 3\r\n[web]\r\n[aliases]\r\n"不要" = 1\r\n"不要 2" = ["震惊"]\r\n')


def test_an_alias_set_is_put_into_an_empty_table() -> None:
    changed = with_rules("[aliases]\n", imported(RULE, excluded=("震惊",)))
    assert changed.startswith('[aliases]\n"不要" = ["震惊"]\n\n[[rules]]\n')
