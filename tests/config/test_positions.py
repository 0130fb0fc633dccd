import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.assets import DEFAULT_CONFIG
from monitor.config.positions import Positions, Value, blocks_of, read_positions

TEXT = '''# a comment with [brackets]
[fetch]
timeout = "30s"  # [x]

[[rules]]
name = "a"
any = [
  "]",  # one
  "[[rules]]",
]
none = ["x"]
[[rules]]
"name" = "b"
text = """
[[rules]]
name = "not a key"
"""
all = ["y"]
'''


@pytest.mark.parametrize(
    ("table", "index", "key", "line"),
    [
        ("fetch", 0, "", 2),
        ("fetch", 0, "timeout", 3),
        ("rules", 0, "any", 7),
        ("rules", 0, "none", 11),
        ("rules", 1, "", 12),
        ("rules", 1, "name", 13),
        ("rules", 1, "text", 14),
        ("rules", 1, "all", 18),
    ],
)
def test_a_key_is_found_on_its_line(table: str, index: int, key: str, line: int) -> None:
    assert read_positions(TEXT).line_of(table, index, key) == line


def test_a_key_that_is_missing_is_looked_for_at_its_table() -> None:
    assert read_positions(TEXT).line_of("rules", 1, "feeds") == 12
    assert read_positions(TEXT).line_of("smtp", 0, "host") is None


def test_single_quoted_multi_line_strings_hide_their_lines_too() -> None:
    assert read_positions("a = '''x\n[b]\n'''\n[c]\n").line_of("c") == 4
    assert read_positions("a = '''x''' \n[c]\n").line_of("c") == 2
    assert read_positions("[a]\nb = { c = [1, 2] }\nd = 1\n").line_of("a", 0, "d") == 3


def spelled(positions: Positions, value: Value) -> str:
    return positions.text[value.start : value.end]


def test_every_value_of_the_shipped_file_is_found_with_its_places() -> None:
    text = DEFAULT_CONFIG.read_text("utf-8")
    positions = read_positions(text)
    keys = 0
    for name, tables in tomllib.loads(text).items():
        for index, table in enumerate(tables if isinstance(tables, list) else [tables]):
            for key_name, value in table.items():
                key = positions.key(name, index, key_name)
                assert key is not None
                assert positions.read(key.value) == value
                if key.value.kind == "array":
                    assert [positions.read(item.value) for item in positions.items(key.value)] == value
                keys += 1
    assert keys == len(positions.keys)
    assert len(positions.comments) == sum("#" in line for line in text.split("\n"))


def test_items_are_found_with_their_commas_and_comments() -> None:
    text = """a = [ # of a\r
  "x#", # of x\r
  # alone\r
  [1, 2] # of 1\r
  , {b.c = 3, "d" = '['}\r
] # end\r
"""
    positions = read_positions(text)
    (key,) = positions.keys
    items = positions.items(key.value)
    assert [spelled(positions, item.value) for item in items] == ['"x#"', "[1, 2]", "{b.c = 3, \"d\" = '['}"]
    assert [item.comma and text[item.comma] for item in items] == [",", ",", None]
    assert [item.comment and text[slice(*item.comment)] for item in items] == ["# of x", "# of 1", None]
    assert [(item.key, spelled(positions, item.value)) for item in positions.items(items[2].value)] == [
        (("b", "c"), "3"),
        (("d",), "'['"),
    ]
    assert positions.items(items[0].value) == []
    assert key.comment
    assert text[slice(*key.comment)] == "# end"
    comments = [text[slice(*comment)] for comment in positions.comments]
    assert comments == ["# of a", "# of x", "# alone", "# of 1", "# end"]


STRINGS = [
    '"""a"b""c"""',
    '"""a"""""',
    "'''a'''''",
    '""',
    "''''''",
    r'"\""',
    r"'\'",
    r'"""\""""""',
    '"""\n[b]\n"""',
    "'''\n[b]\n# c'''",
]
OTHERS = [
    "1979-05-27 07:32:00Z",
    "1979-05-27",
    "+1_000.5e-3",
    "true",
    "[[], [[]],]",
    "{}",
    "[\n'''\n]\n''']",
    "[ # ]\n]",
]


@pytest.mark.parametrize("value", [*STRINGS, *OTHERS])
def test_a_value_of_any_kind_ends_where_it_ends(value: str) -> None:
    text = f"[t]\nx = {value} # c\ny = 1\n"
    tomllib.loads(text)
    positions = read_positions(text)
    assert [(key.names, spelled(positions, key.value)) for key in positions.keys] == [
        (("x",), value),
        (("y",), "1"),
    ]
    assert positions.line_of("t", 0, "y") == 3 + value.count("\n")


def test_names_are_read_as_they_are_meant() -> None:
    text = '[ a . "b.c" ]\n"\\u4eba" = 1\n\'it"s\' . x = 2\n[[d]]\n[["d"]]\n'
    positions = read_positions(text)
    heads = [(table.name, table.index) for table in positions.tables]
    assert heads == [("", 0), ("a.b.c", 0), ("d", 0), ("d", 1)]
    assert [key.names for key in positions.keys] == [("人",), ('it"s', "x")]


@pytest.mark.parametrize(
    ("broken", "heads"),
    [
        ('[a]\nx = [\n"b",\n[b]\ny = 1\n', ["a", "b"]),
        ('[a]\nx = """\n[b] # c\ny = 1\n', ["a", "b"]),
        ("[a]\nx = '''\n[[b]]\r\ny = 1\n", ["a", "b"]),
        ('[a]\nx = ["b]\n [b.c]\ny = 1\n', ["a", "b.c"]),
        ("[a\nx = 1\n[b]\ny = 1\n", ["a", "b"]),
        ("[[a]\nx = 1\n[b]]\ny = 1\n", ["a", "b"]),
        ("[a]\n[\n=\nx\nx = = 1\n[b]\ny = 1\n", ["a", "b"]),
        ('[a]\nx =\n  ["b", "c"]\n[b]\ny = 1\n', ["a", "b"]),
        ('[a]\nx = """\n[c]\n"""\nx = {\n[b]\ny = 1\n', ["a", "c", "b"]),
        ('[a]\nx = """\n[c]\n"""\nx = nan1\n"\\q" = "\\q"\n[b]\ny = 1\n', ["a", "b"]),
    ],
)
def test_what_is_never_closed_hides_no_table_behind_it(broken: str, heads: list[str]) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(broken)
    positions = read_positions(broken)
    assert [table.name for table in positions.tables[1:]] == heads
    assert positions.line_of(heads[-1], 0, "y") == broken.count("\n")


PIECES = [
    *('"', '"""', "'", "'''", "\\", "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "#"),
    *(" ", "\n", "\r\n", "a", "1", "[a]\n", "k = "),
]


@settings(max_examples=500, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_read_and_nothing_of_it_is_lost(text: str) -> None:
    positions = read_positions(text)
    for key in positions.keys:
        positions.items(key.value)
        assert text[key.start : key.value.start].rstrip().endswith("=")
    assert "".join(block.text for block in blocks_of(text)) == text
    try:
        names = set(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return
    top = {key.names[0] for key in positions.keys if not key.table.name}
    assert top | {table.name.partition(".")[0] for table in positions.tables[1:]} == names


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        DEFAULT_CONFIG.read_text("utf-8"),
        'a = "\\" b = """\n[x]\nc = ""\n"""\n[y]\n[[z]]\nd = """\n[[z]]',
    ],
)
def test_the_blocks_of_a_text_are_those_of_its_tables(text: str) -> None:
    tables = [table.name.partition(".")[0] for table in read_positions(text).tables]
    assert [block.table for block in blocks_of(text)] == tables
    assert "".join(block.text for block in blocks_of(text)) == text
