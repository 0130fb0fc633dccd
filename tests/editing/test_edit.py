import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.editing.edit import (
    ChangeRefusedError,
    add_word,
    drop_repeat,
    plan_change,
    read_valid_text,
    remove_word,
    replace_word,
    with_line,
    write_change,
)
from monitor.errors import ConfigError, MonitorError
from monitor.rules.words import quoted

HEAD = '# mine\n[[rules]]  # the first\nname = "人工智能"\n'
TAIL = '\n# ---- who gets it ----\n[[subscriptions]]\nname = "s"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('any = ["AI"]  # all of it\n', 'any = ["AI", "算力"]  # all of it\n'),
        ("any = []\n", 'any = ["算力"]\n'),
        ('any = ["AI",]\n', 'any = ["AI", "算力"]\n'),
        ('any = [\n  "AI",\n  "芯片",  # chips\n]\n', 'any = [\n  "AI",\n  "芯片",  # chips\n  "算力",\n]\n'),
        ('any = [\n\t"AI",\n\t"芯片"\n]\n', 'any = [\n\t"AI",\n\t"芯片",\n\t"算力"\n]\n'),
        (
            'any = [\n  # one\n  "AI", "AGI",\n  # two\n  "芯片", "GPU",\n]\n',
            'any = [\n  # one\n  "AI", "AGI",\n  # two\n  "芯片", "GPU", "算力",\n]\n',
        ),
        ('any = [{word = "AI", weight = 2}]\n', 'any = [{word = "AI", weight = 2}, "算力"]\n'),
        ('any = [ "AI" ]\n', 'any = [ "AI", "算力" ]\n'),
    ],
)
def test_a_word_is_put_into_a_list_as_the_list_is_written(before: str, after: str) -> None:
    assert add_word(HEAD + before + TAIL, "人工智能", "算力") == HEAD + after + TAIL


def test_a_list_that_is_not_there_is_begun_beside_the_others() -> None:
    lists = 'any = [\n  "AI",\n]  # end\nfields = ["title"]\n'
    changed = add_word(HEAD + lists + TAIL, "人工智能", '说"AI"', "none")
    assert changed == HEAD + 'any = [\n  "AI",\n]  # end\nnone = ["说\\"AI\\""]\nfields = ["title"]\n' + TAIL
    assert add_word(HEAD + 'when = "x"\n', "人工智能", "a", "all") == HEAD + 'all = ["a"]\nwhen = "x"\n'


def test_in_a_file_of_windows_the_line_ends_stay() -> None:
    text = (HEAD + 'any = ["AI"]\n' + TAIL).replace("\n", "\r\n")
    changed = add_word(text, "人工智能", "a", "none")
    assert changed.replace("\r\n", "").count("\n") == 0


def test_only_the_rule_of_that_name_is_changed() -> None:
    text = '[[rules]]\nname = "a"\nany = ["x"]\n[[rules]]\nname = "b"\nany = ["x"]\n'
    assert add_word(text, "b", "y") == text[: text.rindex("]")] + ', "y"]\n'


def test_a_word_that_is_there_already_is_said_to_be() -> None:
    with pytest.raises(MonitorError, match='"AI" is in any of rule "人工智能" already'):
        add_word(HEAD + 'any = [{word = "AI", weight = 2}]\n', "人工智能", "AI")


def test_a_rule_that_is_not_there_is_told_with_the_nearest_name() -> None:
    with pytest.raises(MonitorError, match=r'there is no rule "人工智".* Did you mean "人工智能"'):
        add_word(HEAD, "人工智", "AI")
    with pytest.raises(MonitorError, match=r'there is no rule "x". There are: 人工智能\.'):
        add_word(HEAD, "x", "AI")
    with pytest.raises(MonitorError, match=r'there is no rule "x"\.$'):
        add_word("", "x", "AI")


@pytest.mark.parametrize(
    ("word", "after"),
    [
        ("a", '[\n  "b", "c",  # first\n  # second\n  "d",  # dee\n  "e"\n]'),
        ("c", '[\n  "a", "b",  # first\n  # second\n  "d",  # dee\n  "e"\n]'),
        ("d", '[\n  "a", "b", "c",  # first\n  # second\n  "e"\n]'),
        ("e", '[\n  "a", "b", "c",  # first\n  # second\n  "d",  # dee\n]'),
    ],
)
def test_a_word_goes_and_the_comments_about_others_stay(word: str, after: str) -> None:
    text = 'any = [\n  "a", "b", "c",  # first\n  # second\n  "d",  # dee\n  "e"\n]'
    assert remove_word(HEAD + text + TAIL, "人工智能", word) == HEAD + after.join(["any = ", ""]) + TAIL


def test_a_word_goes_from_every_list_it_is_in() -> None:
    text = HEAD + 'any = ["b", "#a"]\nnone = [{word = "#a", weight = 2}]\n'
    assert remove_word(text, "人工智能", "#a") == HEAD + 'any = ["b"]\nnone = []\n'


def test_a_word_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(MonitorError, match=r'"DeepSeak" is in no list of rule .* Did you mean "DeepSeek"'):
        remove_word(HEAD + 'any = ["DeepSeek", "AI"]\n', "人工智能", "DeepSeak")


def test_several_words_may_stand_in_the_place_of_one() -> None:
    text = HEAD + 'any = [\n  "AI、芯片",  # both\n  "芯片",\n]\n'
    changed = replace_word(text, ("rules", 0, "any"), "AI、芯片", ("AI", "芯片", "算力"))
    assert changed == HEAD + 'any = [\n  "AI",  # both\n  "算力",\n  "芯片",\n]\n'
    assert replace_word('[aliases]\n"英" = ["＠b"]\n', ("aliases", 0, "英"), "＠b", ("@b",)) == (
        '[aliases]\n"英" = ["@b"]\n'
    )


def test_a_word_put_into_the_shipped_file_and_taken_out_again_leaves_it_as_it_was() -> None:
    text = DEFAULT_CONFIG.read_text("utf-8")
    assert remove_word(add_word(text, "人工智能", "AI写作"), "人工智能", "AI写作") == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('any = [\n  "AI", "AGI",  # c\n]', 'any = [\n  "AI", "AGI",  # c\n  "算力",\n]'),
        ('any = ["AI",  # c\n]', 'any = ["AI",  # c\n  "算力",\n]'),
        ('any = [\n  "AI"  # c\n  # d\n]', 'any = [\n  "AI",  # c\n  "算力"\n  # d\n]'),
        ("any = [\n]", 'any = [\n  "算力",\n]'),
        ('any = [\n    "AI"\n  , "b"  # c\n]', 'any = [\n    "AI"\n  , "b",  # c\n  "算力"\n]'),
    ],
)
def test_a_word_is_put_behind_the_comment_of_the_last_and_never_into_it(before: str, after: str) -> None:
    assert add_word(HEAD + before + TAIL, "人工智能", "算力") == HEAD + after + TAIL


def test_a_word_with_a_weight_keeps_it_when_it_is_replaced() -> None:
    text = HEAD + "any = [{ weight = 2, word = 'AI、芯片' }]\n"
    changed = replace_word(text, ("rules", 0, "any"), "AI、芯片", ("AI", "芯片"))
    assert changed == HEAD + 'any = [{ weight = 2, word = "AI" }, { weight = 2, word = "芯片" }]\n'


def test_of_a_word_that_is_repeated_the_first_stays() -> None:
    text = '[matching]\nignore = [\n  "a",  # first\n  "b", "a",\n  "a",  # last\n]\n'
    changed = drop_repeat(text, ("matching", 0, "ignore"), "a")
    assert changed == '[matching]\nignore = [\n  "a",  # first\n  "b",\n]\n'
    assert drop_repeat(changed, ("matching", 0, "ignore"), "a") == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[rules]]\nname = "r"\nany = "a"\n', 'any" of rule "r" is no list. Write any = ["x"]'),
        ('[[rules]]\nname = "r"\nany.b = ["a"]\n', 'any" of rule "r" is no list'),
        (
            'rules = [{name = "r", any = ["a"]}]\n',
            "[rules] is written in a way that cannot be changed in place",
        ),
    ],
)
def test_a_list_that_cannot_be_edited_is_left_to_the_operator(text: str, problem: str) -> None:
    with pytest.raises(MonitorError) as error:
        add_word(text, "r", "x")
    assert problem in str(error.value)
    with pytest.raises(MonitorError):
        with_line(text.replace("[[rules]]", "[[other]]"), ("rules", 0, "any"), "x = 1")


def test_a_word_that_is_not_in_the_list_is_not_replaced() -> None:
    with pytest.raises(MonitorError, match='"b" is not in any'):
        replace_word(HEAD + 'any = ["a"]\n', ("rules", 0, "any"), "b", ())
    with pytest.raises(MonitorError, match="none cannot be changed in place"):
        replace_word(HEAD + 'any = ["a"]\n', ("rules", 0, "none"), "b", ())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The shipped file with a byte order mark and the line ends of Windows, behind a link."""
    target = tmp_path / "target.toml"
    text = DEFAULT_CONFIG.read_text("utf-8")
    target.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    target.chmod(0o640)
    link = tmp_path / "config.toml"
    link.symlink_to(target)
    return link


def test_a_change_is_written_in_the_place_of_the_file(file: Path) -> None:
    before, text = file.read_bytes(), read_valid_text(file)
    change = plan_change(file, text, add_word(text, "人工智能", "AI写作"))
    assert [line for line in change.diff if line[0] in "+-"][2:] == ['+  "AI写作",']
    assert file.read_bytes() == before
    write_change(change)
    assert file.is_symlink()
    assert file.resolve().stat().st_mode & 0o777 == 0o640
    written = file.read_bytes()
    assert len(written) > len(before)
    assert written.replace('  "AI写作",\r\n'.encode(), b"") == before


def test_a_change_that_would_break_the_file_is_refused(file: Path) -> None:
    before, text = file.read_bytes(), read_valid_text(file)
    with pytest.raises(ChangeRefusedError, match="Nothing was changed: this is what would be wrong"):
        plan_change(file, text, add_word(text, "人工智能", "/(/"))
    assert file.read_bytes() == before
    file.write_text("x = 1")
    with pytest.raises(ConfigError):
        read_valid_text(file)


def test_a_file_that_somebody_else_changed_since_it_was_read_is_left_alone(file: Path) -> None:
    text = read_valid_text(file)
    other = add_word(text, "人工智能", "AI绘画").encode()
    file.write_bytes(other)
    with pytest.raises(MonitorError, match="changed by somebody else just now"):
        plan_change(file, text, add_word(text, "人工智能", "AI写作"))
    assert file.read_bytes() == other


def test_a_file_that_somebody_else_changed_before_it_is_written_is_left_alone(file: Path) -> None:
    text = read_valid_text(file)
    change = plan_change(file, text, add_word(text, "人工智能", "AI写作"))
    other = add_word(text, "人工智能", "AI绘画").encode()
    file.write_bytes(other)
    with pytest.raises(MonitorError, match="changed by somebody else just now"):
        write_change(change)
    assert file.read_bytes() == other
    assert sorted(path.name for path in file.parent.iterdir()) == ["config.toml", "target.toml"]


@dataclass(frozen=True)
class Case:
    """A text with a list in it, and an edit of the list."""

    before: str
    words: str  # the list as written
    after: str
    edit: str
    word: str
    instead: tuple[str, ...]


WORDS = ["AI", "芯片", "#a", "a,b", "]", "[[rules]]", "{}", "=", 'x"y', "it's", "C:\\gpt", "\t", "é\n", ""]
BLANKS = ["", "", " ", "\n", "\n  ", "\n  ", "  # c\n  ", "\n\n  # c\n\t"]


def ways_to_write(word: str) -> list[str]:
    ways = [quoted(word), f"{{weight = 0.5,word={quoted(word)} }}"]
    if not set(word) & set('"\\'):
        ways.append(f'"""\n{word}"""')
    if not set(word) & set("'\t\n"):
        ways += [f"'{word}'", f"'''{word}'''", f"{{word = '{word}', weight = 2}}"]
    return ways


ITEMS = [(word, way) for word in WORDS for way in ways_to_write(word)]
BEFORE_COMMA = ["", "", "", "", " ", "\n  ", " # c\n  "]
BEHIND = ["", " # after", "\nall = [\n]\n[aliases]\n'any' = []\n"]


def random_case(chance: random.Random) -> Case:
    edit = chance.choice(["add", "remove", "replace"])
    items = chance.choices(ITEMS, k=chance.randint(int(edit != "add"), 6))
    parts = ["["]
    for _, way in items:
        parts += [chance.choice(BLANKS), way, chance.choice(BEFORE_COMMA), ","]
    if chance.random() < 0.5:
        parts[1:] = parts[1:-1]
    number = count()
    words = re.sub("# c", lambda _: f"# c{next(number)}", "".join([*parts, chance.choice(BLANKS), "]"]))
    before = 'x = """\n[[rules]]\n"""\n[[rules]]\nname = "人工智能"\nnone = ["n"] # any = [\nany = '
    after = chance.choice(BEHIND)
    if chance.random() < 0.5:
        before, words, after = (part.replace("\n", "\r\n") for part in (before, words, after))
    known = [word for word, _ in items]
    word = chance.choice(known if edit != "add" else [word for word in WORDS if word not in known])
    instead = chance.sample(WORDS, k=chance.randint(0, 3)) if edit == "replace" else ()
    return Case(before, words, after, edit, word, tuple(instead))


def comments(text: str) -> list[str]:
    return re.findall(r"# c[0-9]+", text)


def expected_words(words: Sequence[object], case: Case) -> list[object]:
    """The words after an edit; a word that the list has already is not put into it once more."""
    if case.edit == "add":
        return [*words, case.word]
    words, plain = list(words), plain_words(words)
    while case.word in plain:
        at = plain.index(case.word)
        fresh = [word for word in case.instead if word not in plain]
        one = words[at]
        words[at : at + 1] = [{**one, "word": word} if isinstance(one, dict) else word for word in fresh]
        plain[at : at + 1] = fresh
    return words


def plain_words(words: Sequence[object]) -> list[object]:
    return [word["word"] if isinstance(word, dict) else word for word in words]


# Drawn by random.Random, as drawing them by hypothesis takes longer than the edits.
@pytest.mark.untraced
def test_a_thousand_random_edits_change_what_is_meant_and_nothing_else() -> None:
    chance = random.Random(1958)
    for _ in range(1000):
        assert_only_what_is_meant_changes(random_case(chance))


def assert_only_what_is_meant_changes(case: Case) -> None:
    text = case.before + case.words + case.after
    if case.edit == "add":
        changed = add_word(text, "人工智能", case.word)
    else:
        changed = replace_word(text, ("rules", 0, "any"), case.word, case.instead)
    expected = tomllib.loads(text)
    known = plain_words(expected["rules"][0]["any"])
    expected["rules"][0]["any"] = expected_words(expected["rules"][0]["any"], case)
    assert tomllib.loads(changed) == expected
    assert changed.startswith(case.before + "[")
    assert changed.endswith("]" + case.after)
    if "\r" in text:
        assert not re.search(r"(?<!\r)\n", changed)
    else:
        assert "\r" not in changed
    removed = known.count(case.word) - bool(set(case.instead) - set(known))
    kept = [comment for comment in comments(text) if comment in comments(changed)]
    assert comments(changed) == kept
    assert len(comments(text)) - len(kept) <= removed
