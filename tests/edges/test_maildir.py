import errno
import mailbox
import os
from pathlib import Path

import pytest

from monitor.errors import SendError, SendKind
from monitor.mail.maildir import maildir_sender
from tests import make

RAW = b"From: a@example.org\r\nSubject: 1\r\n\r\nFrom the start\r\n.\r\n" + b"x" * 998 + b"\r\n"


async def nothing() -> None:
    return None


def files(directory: Path) -> dict[str, list[Path]]:
    return {name: sorted((directory / name).iterdir()) for name in ("tmp", "new", "cur")}


async def test_a_mail_arrives_with_its_very_bytes(tmp_path: Path) -> None:
    reply = await maildir_sender(tmp_path / "mail")(make.mail(raw=RAW), nothing)
    [arrived] = files(tmp_path / "mail")["new"]
    assert arrived.read_bytes() == RAW
    assert reply == f"stored in {arrived}"
    assert files(tmp_path / "mail")["tmp"] == []


async def test_a_mail_reader_finds_it(tmp_path: Path) -> None:
    await maildir_sender(tmp_path / "mail")(make.mail(raw=RAW), nothing)
    assert [message["Subject"] for message in mailbox.Maildir(tmp_path / "mail", create=False)] == ["1"]


async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    directory = tmp_path / "mail"
    await maildir_sender(directory)(make.mail(), nothing)
    folders = [directory, *(directory / name for name in ("tmp", "new", "cur"))]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert files(directory)["new"][0].stat().st_mode & 0o777 == 0o600


async def test_a_mail_delivered_twice_is_there_once(tmp_path: Path) -> None:
    send = maildir_sender(tmp_path / "mail")
    assert await send(make.mail(), nothing) == await send(make.mail(), nothing)
    assert len(files(tmp_path / "mail")["new"]) == 1


@pytest.mark.parametrize("suffix", [":2,S", ",S=12:2,RS", ""])
async def test_a_mail_that_has_been_read_does_not_come_back(tmp_path: Path, suffix: str) -> None:
    send = maildir_sender(tmp_path / "mail")
    await send(make.mail(), nothing)
    [arrived] = files(tmp_path / "mail")["new"]
    arrived.rename(tmp_path / "mail" / "cur" / f"{arrived.name}{suffix}")
    await send(make.mail(), nothing)
    assert files(tmp_path / "mail")["new"] == []
    assert len(files(tmp_path / "mail")["cur"]) == 1


async def test_what_a_kill_left_half_written_is_replaced(tmp_path: Path) -> None:
    send = maildir_sender(tmp_path / "mail")
    await send(make.mail(), nothing)
    [arrived] = files(tmp_path / "mail")["new"]
    arrived.unlink()
    (tmp_path / "mail" / "tmp" / arrived.name).write_bytes(b"half a mail, and longer than the whole one" * 99)
    await send(make.mail(), nothing)
    assert arrived.read_bytes() == make.mail().raw
    assert files(tmp_path / "mail")["tmp"] == []


async def test_two_mails_are_two_files(tmp_path: Path) -> None:
    send = maildir_sender(tmp_path / "mail")
    await send(make.mail(number=1), nothing)
    await send(make.mail(number=2), nothing)
    assert len(files(tmp_path / "mail")["new"]) == 2


async def test_the_row_is_marked_before_a_byte_is_written(tmp_path: Path) -> None:
    async def stop() -> None:
        assert files(tmp_path / "mail") == {"tmp": [], "new": [], "cur": []}
        raise LookupError("the row is gone")

    with pytest.raises(LookupError, match="the row is gone"):
        await maildir_sender(tmp_path / "mail")(make.mail(), stop)
    assert files(tmp_path / "mail")["new"] == []


async def test_a_directory_that_cannot_be_made_puts_the_mail_off(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        SendError, match=r"cannot store the mail in .*file/mail \(Not a directory\)"
    ) as failure:
        await maildir_sender(tmp_path / "file" / "mail")(make.mail(), nothing)
    assert failure.value.kind is SendKind.LATER


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
async def test_a_full_disk_puts_the_mail_off_and_leaves_nothing_behind(tmp_path: Path) -> None:
    send = maildir_sender(tmp_path / "mail")
    await send(make.mail(), nothing)
    [arrived] = files(tmp_path / "mail")["new"]
    arrived.unlink()
    (tmp_path / "mail" / "tmp" / arrived.name).symlink_to("/dev/full")
    with pytest.raises(SendError) as failure:
        await send(make.mail(), nothing)
    assert failure.value.kind is SendKind.LATER
    assert os.strerror(errno.ENOSPC) in str(failure.value)
    assert files(tmp_path / "mail") == {"tmp": [], "new": [], "cur": []}
