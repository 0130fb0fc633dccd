"""docs/map.md lists every file with its purpose, and names only files that are there."""

import re

from docs.make_map import MAP, MARK, ROOT, make_map


def test_the_map_says_what_the_files_say() -> None:
    assert MAP.read_text("utf-8") == make_map(), "run: make docs"


def test_every_file_on_the_map_states_its_purpose() -> None:
    rows = re.findall(r"^\| `[^`]+` \| (.*) \|$", MAP.read_text("utf-8").partition(MARK)[2], re.MULTILINE)
    assert rows
    assert [row for row in rows if not row.strip()] == []


def test_the_tasks_of_the_map_name_files_that_exist() -> None:
    tasks = MAP.read_text("utf-8").partition(MARK)[0]
    paths = [path for path in re.findall(r"`([\w./*]+/[\w./*]*)`", tasks) if not path.startswith("sources/")]
    assert len(paths) > 50
    assert [path for path in paths if not list(ROOT.glob(path.rstrip("/")))] == []
