import tempfile
from pathlib import Path

import pytest

from monitor.errors import FetchError
from monitor.feeds.body import Body
from tests.disk import full_disk

LARGE = bytes(range(250)) * 4000


def files_without_a_name() -> int:
    """Return how many open files of this process have no name, as Linux tells it."""
    links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(link.startswith(tempfile.gettempdir()) and link.endswith("(deleted)") for link in links)


@pytest.mark.parametrize("content", [b"", b"<rss/>", LARGE], ids=["empty", "small", "large"])
def test_a_body_is_read_as_it_was_written_and_as_often_as_is_needed(content: bytes) -> None:
    with Body() as body:
        for start in range(0, len(content), 50_000):
            body.write(content[start : start + 50_000])
        assert len(body) == len(content)
        for _ in range(2):
            assert body.read() == content
            assert b"".join(body.pieces()) == content
            assert body.edges(1000) == (content[:1000], content[-1000:])


def test_a_large_body_is_on_the_disk_until_it_is_closed() -> None:
    before = files_without_a_name()
    with Body(b"<rss/>"):
        assert files_without_a_name() == before
    with Body(LARGE):
        assert files_without_a_name() == before + 1
    assert files_without_a_name() == before


def test_a_body_for_which_the_disk_has_no_room_is_an_error_that_says_what_to_do() -> None:
    with Body(LARGE[:200_000]) as body, full_disk(300_000), pytest.raises(FetchError) as error:
        body.write(LARGE)
    assert "temporary file for the document cannot be written" in str(error.value)
    assert f"Make room in {tempfile.gettempdir()}" in str(error.value)


def test_a_temporary_directory_that_is_not_there_is_such_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(FetchError, match="temporary file for the document cannot be written"):
        Body(LARGE)
