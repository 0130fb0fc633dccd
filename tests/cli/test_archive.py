"""`monitor archive`, and the archive that the service and `monitor once` write, on an installation on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import make
from tests.site import Site, open_site, wait_for_event

ARCHIVE = '[archive]\ndirectory = "archive"\n[smtp]\n'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        yield site


def pages(site: Site) -> list[Path]:
    return sorted((site.folder / "archive").rglob("20*.html"))


def test_without_a_directory_there_is_no_archive(site: Site) -> None:
    site.monitor("once")
    assert "there is no archive" in site.monitor("archive", code=1)
    assert "没有存档" in site.monitor("--lang", "zh", "archive", code=1)
    assert not (site.folder / "archive").exists()


def test_once_writes_what_it_has_mailed(site: Site) -> None:
    site.write(("[smtp]\n", ARCHIVE))
    site.monitor("once")
    assert len(pages(site)) == 1
    assert "AI" in pages(site)[0].read_text("utf-8")


def test_what_was_mailed_before_there_was_an_archive_comes_into_it(site: Site) -> None:
    site.monitor("once")
    site.write(("[smtp]\n", ARCHIVE))
    assert site.json("archive") == {
        "directory": str(site.folder / "archive"),
        "written": 1,
        "kept": 0,
        "lost": 0,
        "failed": "",
    }
    assert f"{site.folder / 'archive'}: 1 page written." in site.monitor("archive")


def test_a_subscription_stays_out_where_the_file_says_so(site: Site) -> None:
    site.write(("[smtp]\n", ARCHIVE), ('every = "0s"', 'every = "0s"\narchived = false'))
    site.monitor("once")
    assert pages(site) == []


def test_a_place_that_cannot_be_written_holds_no_mail(site: Site) -> None:
    site.write(("[smtp]\n", ARCHIVE))
    (site.folder / "archive").write_text("a file")
    site.monitor("once")
    assert len(site.smtp_server.received) == 1
    assert "cannot be written" in site.monitor("archive", code=1)
    assert "archive failed" in str(site.json("status", code=1))
    (site.folder / "archive").unlink()
    site.monitor("archive")
    assert len(pages(site)) == 1
    assert "archive failed" not in str(site.json("status"))


def test_the_service_writes_the_archive_by_itself(site: Site) -> None:
    site.write(("[smtp]\n", ARCHIVE))
    with site.service() as service:
        wait_for_event(service, "archived", seconds=90)
    assert len(pages(site)) == 1
