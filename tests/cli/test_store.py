"""`monitor store compact`, on both databases."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.model.services import RunningService
from monitor.store import compaction, services
from monitor.store.database import open_database
from tests.command import run_command
from tests.store.test_compaction import SQLITE, fill_and_prune, older


@pytest.fixture
def config(db_url: str, tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    # The rest of the file does not matter: what is refused can be compacted, too.
    file.write_text(f'[store]\nurl = "{db_url}"\n[[rules]]\nwords = 1\n', "utf-8")
    return file


def compact(config: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    result = run_command("--config", str(config), "store", "compact", *arguments, environ=environ)
    assert result.code == code, result.output
    return result.output


def fill(url: str, tmp_path: Path) -> None:
    """Leave an older file, most of which is unused."""
    older(tmp_path / "monitor.db")

    async def work() -> None:
        db = open_database(url)
        await fill_and_prune(db)
        await db.close()

    asyncio.run(work())


def beat(url: str, at: datetime) -> None:
    async def work() -> None:
        db = open_database(url)
        service = RunningService(
            id="1", host="news-host", pid=7, version="1", started_at=at, beat_at=at, content_hash=""
        )
        await db.write(services.beat, service)
        await db.close()

    asyncio.run(work())


@SQLITE
def test_compact_says_the_sizes_before_and_after_and_the_room_it_takes(
    config: Path, db_url: str, tmp_path: Path
) -> None:
    fill(db_url, tmp_path)
    before = (tmp_path / "monitor.db").stat().st_size
    output = compact(config)
    assert f"monitor.db: {before / 1e6:.1f} MB, of which " in output
    assert "which takes up to " in output
    after = (tmp_path / "monitor.db").stat().st_size
    assert after < before / 2
    assert f"monitor.db: {after / 1e6:.1f} MB. From now on" in output


@SQLITE
def test_compact_answers_a_program(config: Path, db_url: str, tmp_path: Path) -> None:
    fill(db_url, tmp_path)
    before = (tmp_path / "monitor.db").stat().st_size
    answer: dict[str, Any] = json.loads(compact(config, "--json"))
    after = (tmp_path / "monitor.db").stat().st_size
    file = str(tmp_path / "monitor.db")
    assert answer == {"database": "sqlite", "file": file, "before": before, "after": after}


@SQLITE
def test_compact_waits_for_no_running_service(config: Path, db_url: str) -> None:
    now = datetime.now(UTC)
    beat(db_url, now)
    assert "a service runs on it, process 7 on news-host. Stop it first" in compact(config, code=1)
    beat(db_url, now - timedelta(minutes=2))
    compact(config)


@SQLITE
@pytest.mark.skipif(not os.access("/proc", os.W_OK | os.X_OK), reason="wants a folder that has never room")
def test_compact_without_room_does_nothing_and_says_where_it_is_missing(
    config: Path, db_url: str, tmp_path: Path
) -> None:
    fill(db_url, tmp_path)
    before = (tmp_path / "monitor.db").read_bytes()
    output = compact(config, code=1, SQLITE_TMPDIR="/proc")
    assert "in /proc for a while, and 0.0 MB are free there. Make room, or name another folder" in output
    assert (tmp_path / "monitor.db").read_bytes() == before


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_compact_has_nothing_to_do_on_postgresql(config: Path) -> None:
    assert "PostgreSQL makes room by itself" in compact(config)
    answer = {"database": "postgresql", "file": None, "before": None, "after": None}
    assert json.loads(compact(config, "--json")) == answer


@SQLITE
def test_compact_makes_no_file_where_there_is_none(config: Path, tmp_path: Path) -> None:
    (tmp_path / "monitor.db").unlink()
    assert "there is no such file yet" in compact(config, code=1)
    assert not (tmp_path / "monitor.db").exists()


@SQLITE
def test_a_compacted_file_gives_free_pages_back(config: Path, db_url: str, tmp_path: Path) -> None:
    fill(db_url, tmp_path)
    compact(config)
    db = open_database(db_url)
    space = asyncio.run(db.read(compaction.space))
    asyncio.run(db.close())
    assert space
    assert space.shrinks
