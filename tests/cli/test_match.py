"""`monitor match` and `monitor rules lint`, as an operator types them."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.command import CommandResult, run_command

CONFIG = """
[aliases]
"英伟达" = ["英伟达", "NVIDIA"]
[matching]
ignore = ["图片由AI生成"]
[[feeds]]
name = "示例"
url = "https://news.example.org/rss"
[[rules]]
name = "智能"
any = ["AI", {word = "大模型", weight = 2}, "/(a+)+$/"]
none = ["广告"]
[[rules]]
name = "芯片"
any = ["@英伟达"]
feeds = ["示例"]
[[subscriptions]]
name = "日报"
to = ["you@example.org"]
at = ["08:00"]
"""


def run(folder: Path, *words: str, stdin: str = "", code: int = 0, config: str = CONFIG) -> CommandResult:
    (folder / "config.toml").write_text(config, "utf-8")
    result = run_command(*words, folder=folder, stdin=stdin.encode())
    assert result.code == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result


def answers(result: CommandResult) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def lines(*items: dict[str, Any]) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


def test_each_line_is_answered_with_one_line(tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [
        {"id": 1, "title": "用AI写", "summary": "谈大模型", "date": "2026-11-24", "author": None},
        {"id": "b", "title": "AI广告", "summary": ""},
        {"id": "c", "title": "输送", "summary": "NVIDIA", "outlet": "示例"},
        {"id": "d", "title": "输送", "summary": "NVIDIA", "outlet": "别处"},
        {"id": "e", "title": "春天", "text": "a" * 30_000 + "图片由AI生成"},
    ]
    (tmp_path / "items.jsonl").write_text(lines(*items), "utf-8")
    first, second, third, fourth, fifth = answers(run(tmp_path, "match", "items.jsonl"))
    assert first == {
        "id": 1,
        "match": True,
        "score": 5.0,
        "rules": [
            {
                "name": "智能",
                "score": 5.0,
                "hits": [
                    {"field": "title", "word": "AI", "found": "AI", "start": 1, "end": 3},
                    {"field": "summary", "word": "大模型", "found": "大模型", "start": 1, "end": 4},
                ],
            }
        ],
        "near_misses": [],
    }
    assert (second["match"], second["score"], second["rules"]) == (False, 0, [])
    assert second["near_misses"] == [{"name": "智能", "score": 2.0, "threshold": 1.0, "why": "none: 广告"}]
    assert [rule["name"] for rule in third["rules"]] == ["芯片"]
    assert fourth["near_misses"][0]["why"] == "feeds of the rule"
    assert fifth["near_misses"][0]["why"] == "ignore: 图片由AI生成"
    assert fifth["slow"] == [{"name": "智能", "word": "/(a+)+$/"}]
    assert not (tmp_path / "data").exists(), "no database is made"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "this is not JSON: Expecting property name"),
        ("[]", 'an object with "id"'),
        ('{"title": "x"}', 'an object with "id"'),
        ('{"id": "x", "title": 5}', '"title" must be a string'),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_the_others_are_answered(
    tmp_path: Path, line: str, what: str
) -> None:
    result = run(tmp_path, "match", "-", stdin=f'{line}\n\n{{"id": "b", "title": "AI"}}\n', code=1)
    assert [answer["id"] for answer in answers(result)] == ["b"]
    assert f"line 1: {what}" in result.stderr


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no such file" in run(tmp_path, "match", "x.jsonl", code=1).stderr.lower()
    (tmp_path / "gb.jsonl").write_bytes('{"id": "人工"}'.encode("gb18030"))
    assert "UTF-8" in run(tmp_path, "match", "gb.jsonl", code=1).stderr
    assert 'Did you mean "智能"?' in run(tmp_path, "match", "-", "--rule", "人工智能", code=2).stderr
    assert "There are: 智能, 芯片" in run(tmp_path, "match", "-", "--rule", "9", code=2).stderr


def test_the_linter_names_the_line_and_a_way_out(tmp_path: Path) -> None:
    result = run(tmp_path, "rules", "lint", code=1)
    assert result.stdout.startswith('config.toml, line 11, [[rules]] "智能", any: "/(a+)+$/" takes too long')
    fixed = CONFIG.replace(', "/(a+)+$/"', "")
    assert "2 rules, no findings" in run(tmp_path, "rules", "lint", config=fixed).stdout
    many = fixed.replace('["AI",', '[\n  "AI",\n  "＠英伟达", # x\n')
    (finding,) = json.loads(run(tmp_path, "rules", "lint", "--json", config=many, code=1).stdout)["findings"]
    assert (finding["line"], finding["kind"], finding["safe"]) == (13, "width", ["@英伟达"])


def test_mistakes_in_the_rules_are_pointed_at_where_they_stand(tmp_path: Path) -> None:
    broken = CONFIG.replace('none = ["广告"]', 'when = "芯片 AND"')
    message = run(tmp_path, "check", config=broken, code=2).stderr
    assert 'line 12, [[rules]] "智能", when: a word is missing at the end' in message
    assert message.splitlines()[-1].index("^") == len("    芯片 AND") + 2 - 2
    message = run(tmp_path, "check", config=CONFIG.replace('"NVIDIA"', '"/(/"'), code=2).stderr
    assert "line 3, [aliases], 英伟达: this regular expression" in message
    message = run(tmp_path, "check", config=CONFIG.replace('"英伟达" =', "英伟达 ="), code=2).stderr
    assert 'in quotation marks. Write: "英伟达" =' in message


def test_the_configuration_is_shown_as_it_would_be_written(tmp_path: Path) -> None:
    more = CONFIG.replace('none = ["广告"]', 'quiet = ["23:00-07:00"]\nhints = ["芯片", "算力"]')
    shown = run(tmp_path, "config", config=more).stdout
    again = run(tmp_path, "config", config=shown).stdout
    assert tomllib.loads(shown) == tomllib.loads(again)
    assert '"23:00-07:00"' in shown
    assert "weight = 2.0" in shown
