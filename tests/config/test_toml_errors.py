import tomllib

import pytest

from monitor.config.positions import caret, describe_toml_error


def told(text: str) -> tuple[int | None, str]:
    with pytest.raises(tomllib.TOMLDecodeError) as refused:
        tomllib.loads(text)
    return describe_toml_error(refused.value, text)


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ('a = 1\nany = ["AI]\n', 2, "A quotation mark is missing on this line."),
        ('any = [\n  "AI", "量子, "生成式",\n]\n', 2, "A comma, a quotation mark or a bracket is missing"),
        ('any = ["/gpt-\\d/"]\n', 1, "Write \\\\ for each \\"),
        ("a = 1\na = 2\n", 2, "This name stands in the table twice"),
        ("a = b\n", 1, "A text stands in quotation marks"),
        ('芯片 = ["光刻机"]\n', 1, '"芯片" = …'),
        ("a = [\n", None, "this is not TOML"),
    ],
)
def test_a_slip_is_told_with_its_line_and_a_way_out(text: str, line: int | None, advice: str) -> None:
    number, what = told(text)
    assert number == line
    assert what.startswith("this is not TOML: ")
    assert advice in what
    assert "(at line" not in what, "the line is told once"


def test_a_caret_stands_under_the_place() -> None:
    _, what = told('any = [\n  "AI", "量子, "生成式",\n]\r\n')
    assert what.splitlines()[1:] == ['    "AI", "量子, "生成式",', "           \u3000\u3000   ^"]


def test_a_caret_stands_under_the_place_behind_a_secret() -> None:
    line = 'a = {proxy = "http://me:secret@proxy:1", b = x}'
    _, what = told(f"{line}\n")
    assert what.splitlines()[1:] == ['    a = {proxy = "http://***@proxy:1", b = x}', " " * 43 + "^"]


def test_a_caret_is_as_far_as_wide_signs_are() -> None:
    assert caret("芯a片", 2) == "\n    芯a片\n    \u3000 ^"
