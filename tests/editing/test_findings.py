from monitor.config.reading import parse_config
from monitor.editing.findings import describe_finding, findings_of, fix_rules, locate_findings

HEAD = """\
[[feeds]]
name = "f"
url = "https://example.org/feed"

[[rules]]
name = "r"
any = [  # "AI、芯片" is two
  "机器人",  # "AI、芯片"
  { word = "AI、芯片", weight = 2 },  # both
  "机器人",
]
"""


def test_a_finding_is_told_with_the_line_of_its_word() -> None:
    config = parse_config(HEAD, "config.toml")
    located = locate_findings(findings_of(config), HEAD, config.rules)
    assert [(each.line, each.finding.word) for each in located] == [(8, "机器人"), (9, "AI、芯片")]
    assert describe_finding("config.toml", located[1]).startswith(
        'config.toml, line 9, [[rules]] "r", any: "AI、芯片" '
    )


def test_a_finding_without_a_place_is_told_without_a_line() -> None:
    config = parse_config(HEAD, "config.toml")
    located = locate_findings(findings_of(config), "", config.rules)
    assert {each.line for each in located} == {None}
    assert describe_finding("config.toml", located[0]).startswith('config.toml, [[rules]] "r", any: "')


def test_a_finding_outside_of_a_list_is_told_with_the_line_of_its_key() -> None:
    text = HEAD[: HEAD.index("any")] + 'when = """\nAI AND\n"/(/"\n"""\n'
    config = parse_config(text, "config.toml")
    located = locate_findings(findings_of(config), text, config.rules)
    assert [(each.line, each.finding.key) for each in located] == [(7, "when")]


def test_safe_fixes_keep_comments_and_weights() -> None:
    result = fix_rules(HEAD, "config.toml")
    assert result.text == HEAD.replace(
        '  { word = "AI、芯片", weight = 2 },  # both\n  "机器人",\n',
        '  { word = "AI", weight = 2 },  # both\n  { word = "芯片", weight = 2 },\n',
    )
    assert len(result.fixed) == 2
    assert result.left == 0


def test_a_fix_that_brings_another_finding_is_followed_by_its_fix() -> None:
    result = fix_rules(
        HEAD.replace('"机器人",\n]', '"AI、 ＠x",\n]') + '[aliases]\nx = ["y"]\n', "config.toml"
    )
    assert "＠" not in result.text
    assert '  "@x",\n]' in result.text
    assert result.left == 0
