"""A rule is asked for by the sample, wherever the sample is."""

import json
import tomllib
from pathlib import Path

from tests import make
from tests.cli.test_cli import monitor
from tests.command import run_command
from tests.site import open_site

ARTICLE = """[Lumina的大模型让巨头不安](https://news.example.org/lumina/)

---

上周，小公司发布了Lumina。Lumina是一个大模型，大模型需要的芯片很少。

芯片便宜，大模型就便宜。OpenAI没有置评，OpenAI的芯片更多。
"""
PAGE = f"<h1>Lumina的大模型</h1><p>{ARTICLE.partition('---')[2]}</p>".encode()
TITLES = ("大模型降价", "Lumina来到小镇", "芯片出口新规", *(f"第{number}条" for number in range(12)))


def test_without_a_database_the_shipped_table_tells_what_is_common(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    (tmp_path / "article.txt").write_text(ARTICLE, "utf-8")
    output = monitor(tmp_path, "rules", "like", "article.txt")
    (rule,) = tomllib.loads(output)["rules"]
    assert rule["any"][:2] == ["Lumina", "大模型"]
    assert "Tested against no stored entries" in output
    assert not (tmp_path / "data").exists()
    (tmp_path / "config.toml").write_text((tmp_path / "config.toml").read_text("utf-8") + output, "utf-8")
    assert json.loads(monitor(tmp_path, "check", "--json"))["ok"] is True


def test_why_a_word_is_in_the_rule_is_told_in_the_readers_language(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    (tmp_path / "article.txt").write_text(ARTICLE, "utf-8")
    output = run_command("--lang", "zh", "rules", "like", "article.txt", folder=tmp_path).stdout
    (rule,) = tomllib.loads(output)["rules"]
    assert rule["any"][:2] == ["Lumina", "大模型"]
    assert output.startswith("# 仿照：Lumina的大模型让巨头不安\n[[rules]]\n")
    assert '  "Lumina",  # 专名、出现在标题里、出现 3 次\n' in output
    answer = run_command("--lang", "zh", "rules", "like", "article.txt", "--json", folder=tmp_path).stdout
    assert '"Lumina",  # a name, in the title, 3 times\n' in json.loads(answer)["toml"]


def test_the_name_is_none_that_a_rule_of_the_file_has(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    (tmp_path / "article.txt").write_text(ARTICLE, "utf-8")
    config = tmp_path / "config.toml"
    for name in ("Lumina", "Lumina 2"):
        proposal = monitor(tmp_path, "rules", "like", "article.txt")
        assert [rule["name"] for rule in tomllib.loads(proposal)["rules"]] == [name]
        config.write_text(config.read_text("utf-8") + proposal, "utf-8")
    assert json.loads(monitor(tmp_path, "check", "--json"))["ok"] is True


def test_the_rule_is_held_against_what_is_stored(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss(*TITLES)) as site:
        site.json("poll", "--all")
        (tmp_path / "article.txt").write_text(ARTICLE, "utf-8")
        output = site.monitor("rules", "like", str(tmp_path / "article.txt"))
        assert (
            "# It finds 3 of the 15 newest entries that are stored, 2 of them found by no rule so far."
            in output
        )
        assert "#   + Lumina来到小镇  (Lumina)" in output
        assert "#     大模型降价  (大模型)" in output
        answer = site.json("rules", "like", str(tmp_path / "article.txt"))
        assert answer["article"] == {
            "title": "Lumina的大模型让巨头不安",
            "link": "https://news.example.org/lumina/",
        }
        assert {entry["title"]: entry["matched_already"] for entry in answer["found"]}["大模型降价"] is True
        assert tomllib.loads(answer["toml"])["rules"][0]["any"] == answer["rule"]["any"]
        by_link = site.monitor(
            "rules", "like", "https://news.example.org/%E5%A4%A7%E6%A8%A1%E5%9E%8B%E9%99%8D%E4%BB%B7/"
        )
        assert "# Like: 大模型降价" in by_link
        assert "# Like: 大模型降价" in site.monitor("rules", "like", "大模型降价")
        assert "It finds 0 of the 14 newest entries that are stored, 0 of them" in by_link, (
            "itself does not count"
        )


def test_a_page_is_asked_for_at_its_address(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: PAGE) as site:
        assert site.json("rules", "like", site.feed_server.url)["rule"]["name"] == "Lumina"
        nowhere = site.feed_server.url.replace("127.0.0.1", "127.0.0.9")
        assert f"{nowhere} cannot be read: 127.0.0.9 is a private" in site.monitor(
            "rules", "like", nowhere, code=1
        )


def test_many_finds_are_told_by_their_number(tmp_path: Path) -> None:
    titles = [f"Lumina的第{number}天" for number in range(12)]
    with open_site(tmp_path, lambda: make.rss(*titles)) as site:
        site.json("poll", "--all")
        (tmp_path / "article.txt").write_text(ARTICLE, "utf-8")
        output = site.monitor("rules", "like", str(tmp_path / "article.txt"))
        assert output.count("#   + Lumina") == 10
        assert "… and 2 more" in output


def test_what_cannot_be_read_or_says_nothing_is_told(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    assert '"x" is no file, no http address, and no stored entry' in monitor(
        tmp_path, "rules", "like", "x", code=1
    )
    assert "cannot be read: Is a directory" in monitor(tmp_path, "rules", "like", ".", code=1)
    for text, arguments in ((b"", ()), ("他们".encode(), ("--json",))):
        result = run_command("rules", "like", "-", *arguments, folder=tmp_path, stdin=text)
        assert result.code == 1
        assert "nothing in the text stands out" in result.stderr
        assert json.loads(result.stdout)["rule"] is None if arguments else result.stdout == ""
