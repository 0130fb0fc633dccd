"""Plan and write a change of config.toml, also when somebody else changes the file meanwhile."""

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from monitor.editing.edit import plan_change, read_valid_text, write_change
from monitor.errors import MonitorError

TEXT = """
[store]
url = "sqlite:///monitor.db"
[[feeds]]
name = "示例"
url = "https://feed.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
at = ["08:00"]
"""
OURS = TEXT.replace('["AI"]', '["AI", "大模型"]')
THEIRS = TEXT.replace('["AI"]', '["AI", "算力"]')
REFUSED = "config.toml was changed by somebody else just now. Nothing was written; try again"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(TEXT, "utf-8")
    return tmp_path / "config.toml"


def test_a_change_is_shown_and_written(file: Path) -> None:
    change = plan_change(file, read_valid_text(file), OURS)
    assert [line for line in change.diff if line.startswith(("+any", "-any"))] == [
        '-any = ["AI"]',
        '+any = ["AI", "大模型"]',
    ]
    assert file.read_text("utf-8") == TEXT
    write_change(change)
    assert file.read_text("utf-8") == OURS


def test_a_file_that_was_changed_since_it_was_read_is_not_planned_over(file: Path) -> None:
    text = read_valid_text(file)
    file.write_text(THEIRS, "utf-8")
    with pytest.raises(MonitorError, match=REFUSED):
        plan_change(file, text, OURS)
    assert file.read_text("utf-8") == THEIRS


def test_a_file_that_was_changed_since_the_plan_is_not_written_over(file: Path) -> None:
    change = plan_change(file, read_valid_text(file), OURS)
    file.write_text(THEIRS, "utf-8")
    with pytest.raises(MonitorError, match=REFUSED):
        write_change(change)
    assert file.read_text("utf-8") == THEIRS
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def _edit_at_once(file: Path, text: str, barrier: Barrier, end: Connection) -> None:
    change = plan_change(file, read_valid_text(file), text)
    barrier.wait(60)
    try:
        write_change(change)
    except MonitorError as error:
        end.send(str(error))
    else:
        end.send("")


def test_of_two_commands_that_write_at_once_one_is_told_that_the_other_was_first(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    texts = [TEXT.replace('["AI"]', f'["AI", "{word}"]') for word in "甲乙丙丁"]
    ends, processes = [], []
    for text in texts:
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=_edit_at_once, args=(file, text, barrier, theirs)))
        ends.append(ours)
    for process in processes:
        process.start()
    said = [end.recv() if end.poll(60) else "nothing" for end in ends]
    for process, end in zip(processes, ends, strict=True):
        process.join()
        end.close()
    assert [each for each in said if REFUSED not in each] == [""]
    assert file.read_text("utf-8") == texts[said.index("")]
