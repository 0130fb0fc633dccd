import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.assets import DEFAULT_CONFIG
from monitor.editing.edit import add_word, remove_word, replace_word
from monitor.errors import MonitorError
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
def test_a_word_goes_and_the_remarks_about_others_stay(word: str, after: str) -> None:
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


@st.composite
def cases(draw: st.DrawFn) -> Case:
    edit = draw(st.sampled_from(["add", "remove", "replace"]))
    items = draw(st.lists(st.sampled_from(ITEMS), min_size=int(edit != "add"), max_size=6))
    before_comma = st.sampled_from(["", "", "", "", " ", "\n  ", " # c\n  "])
    parts = ["["]
    for _, way in items:
        parts += [draw(st.sampled_from(BLANKS)), way, draw(before_comma), ","]
    if draw(st.booleans()):
        parts[1:] = parts[1:-1]
    number = iter(range(100))
    words = re.sub(
        "# c", lambda _: f"# c{next(number)}", "".join([*parts, draw(st.sampled_from(BLANKS)), "]"])
    )
    before = 'x = """\n[[rules]]\n"""\n[[rules]]\nname = "人工智能"\nnone = ["n"] # any = [\nany = '
    after = draw(st.sampled_from(["", " # after", "\nall = [\n]\n[aliases]\n'any' = []\n"]))
    if draw(st.booleans()):
        before, words, after = (part.replace("\n", "\r\n") for part in (before, words, after))
    known = [word for word, _ in items]
    word = draw(st.sampled_from(known if edit != "add" else [word for word in WORDS if word not in known]))
    instead = draw(st.lists(st.sampled_from(WORDS), max_size=3, unique=True)) if edit == "replace" else ()
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


@settings(max_examples=1000, derandomize=True, deadline=None)
@given(cases())
def test_an_edit_changes_what_is_meant_and_nothing_else(case: Case) -> None:
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
