import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.editing.edit import add_word, remove_word, replace_word
from monitor.errors import MonitorError

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
