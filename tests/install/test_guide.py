"""The installation guide is followed word for word, on a machine that has only what Debian gives, in an empty home."""

import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from monitor.demo.smtp_server import LoopbackSmtpServer
from tests import make
from tests.install.checkout import copy_checkout
from tests.install.machine import Machine, machine
from tests.install.pages import CHINESE, PAGE, Commands, Edit, sections
from tests.site import FeedServer

pytestmark = [pytest.mark.outside, pytest.mark.timeout(900)]

PASSWORD = "fromtheprovider"
GUIDE = sections(PAGE)
World = tuple[LoopbackSmtpServer, FeedServer]
# Not to be had here; each writes down how it was called. apt: what it installs is installed already (.ci/run).
STUBS = ("systemctl", "loginctl", "docker", "apt", "crontab")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which downloaded packages are kept from one machine to the next."""
    folder = tmp_path_factory.mktemp("packages")
    folder.chmod(0o1777)
    return folder


@pytest.fixture
def debian(tmp_path: Path, packages: Path) -> Iterator[Machine]:
    with new_debian(tmp_path / "machine", packages) as made:
        yield made


@contextmanager
def new_debian(folder: Path, packages: Path) -> Iterator[Machine]:
    """Make a machine with a user anna, and a checkout in her home and in root's."""
    with machine(folder) as made:
        made.mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", "@/root")
        for name in STUBS:
            stub = f'#!/bin/sh\n[ -t 0 ] || cat >/dev/null\necho {name} "$@" >> /called\n'
            made.write(f"/usr/local/bin/{name}", stub, mode=0o755)
        made.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', mode=0o755)
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert uv, "it is in requirements/dev.in"
        shutil.copy(uv, made.path("/usr/local/bin/uv"))
        made.write("/called", "", mode=0o666)
        made.path("/run/systemd/system").mkdir(parents=True, exist_ok=True)
        made.do("useradd --create-home --uid 4711 anna; mkdir /var/cache/packages")
        made.mount("--bind", str(packages), "@/var/cache/packages")
        made.environ["PIP_CACHE_DIR"] = "/var/cache/packages"
        for home in ("/home/anna", "/root"):
            copy_checkout(made.path(f"{home}/feed-monitor"))
        made.do("chown -R anna:anna /home/anna")
        yield made


class Follower:
    """Somebody who follows the guide: with a home, a mail account and a feed."""

    def __init__(
        self,
        on: Machine,
        user: str,
        smtp: LoopbackSmtpServer,
        feed: FeedServer,
        *,
        wheel: Path | None = None,
    ) -> None:
        self.on, self.user, self._smtp, self._feed = on, user, smtp, feed
        self.home = "/root" if user == "root" else f"/home/{user}"
        self.folder = f"{self.home}/feed-monitor"
        self.commands = 0
        if wheel:
            on.path(f"{self.folder}/dist").mkdir()
            shutil.copy(wheel, on.path(f"{self.folder}/dist"))

    def follow(self, section: str) -> str:
        """Do what a section says; return what its commands said."""
        said = []
        for step in GUIDE[section]:
            if isinstance(step, Commands):
                self.commands += len(re.findall(r"^(?!#)\S", step.script, re.M))
                said.append(self.do(step.script))
                if "/monitor init" in step.script:
                    self._lead_to_loopback(self.on.path(f"{self.folder}/config.toml"))
            else:
                self._edit(step)
        return "".join(said)

    def do(self, script: str) -> str:
        """Run a script in the checkout; whoever is asked for the password gives it."""
        environ = {"HOME": self.home, "USER": self.user, "LANG": "C.UTF-8"}
        path = f"{self.home}/.local/bin:{self.on.environ['PATH']}"
        user = 0 if self.user == "root" else 4711
        return self.on.do(
            script, user=user, folder=self.folder, environ={**environ, "PATH": path}, stdin=f"{PASSWORD}\n"
        )

    def works(self) -> None:
        """Expect the program to be installed whole, with its files, wherever it is called from."""
        assert self.do("cd /; monitor --version").startswith("feed-monitor ")
        assert "is good" in self.do("mkdir /tmp/new-$$; cd /tmp/new-$$; monitor init; monitor check")

    def called(self) -> list[str]:
        """Return how the stubs were called since the last time."""
        lines = self.on.path("/called").read_text().splitlines()
        self.on.path("/called").write_text("")
        return lines

    def _edit(self, edit: Edit) -> None:
        """Edit a file as the page says."""
        name = edit.file.replace("~", self.home)
        file = self.on.path(name if name.startswith("/") else f"{self.folder}/{name}")
        file.write_text(edit.applied_to(file.read_text("utf-8")), "utf-8")
        self._lead_to_loopback(file)

    def _lead_to_loopback(self, file: Path) -> None:
        """Put the mail server and the feed of this test into a configuration."""
        text = file.read_text("utf-8")
        self.on.write("/etc/ssl/loopback.pem", self._smtp.ca_file.read_text())
        for old, new in (
            ('host = "smtp.qq.com"', 'host = "127.0.0.1"'),
            ("port = 465 ", f"port = {self._smtp.port} "),
            ('ca_file = ""', 'ca_file = "/etc/ssl/loopback.pem"'),
            ("https://cn.nytimes.com/rss/", self._feed.url),
            ("allow_private = []", 'allow_private = ["127.0.0.1"]'),
        ):
            assert old in text, old
            text = text.replace(old, new)
        file.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with (
        LoopbackSmtpServer(folder, security="implicit", username="you@qq.com", password=PASSWORD) as smtp,
        FeedServer(_todays_news) as feed,
    ):
        yield smtp, feed


def _todays_news() -> bytes:
    published = datetime.now(UTC) - timedelta(hours=3)
    titles = ("OpenAI发布新模型", "天气转凉")
    return make.document(
        *(
            make.item(title, id=title, link=f"https://news.example.org/{number}", published=published)
            for number, title in enumerate(titles)
        )
    )


def test_the_chinese_guide_has_the_same_commands() -> None:
    assert list(sections(CHINESE).values()) == list(GUIDE.values())


def test_from_a_checkout_to_the_first_mail_it_takes_three_commands(debian: Machine, world: World) -> None:
    anna = Follower(debian, "anna", *world)
    before, started = len(world[0].received), time.monotonic()
    said = anna.follow("From a checkout")
    took = time.monotonic() - started
    assert anna.commands == 3
    (received,) = world[0].received[before:]
    mail = message_from_bytes(received.raw, policy=policy.default)
    assert received.recipients == ("you@qq.com",)
    assert "OpenAI发布新模型" in mail["Subject"]
    assert stat.S_IMODE(debian.path(f"{anna.folder}/smtp_password").stat().st_mode) == 0o600
    assert PASSWORD not in said
    print(f"from checkout to mail: {took:.0f} s")
    assert took < 300, "five minutes, with the download of all packages"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, packages: Path, world: World) -> Path:
    """Make the wheel as the guide says."""
    folder = tmp_path_factory.mktemp("wheel")
    with new_debian(folder / "machine", packages) as debian:
        anna = Follower(debian, "anna", *world)
        anna.follow("The program")
        (made,) = debian.path(f"{anna.folder}/dist").glob("*.whl")
        return Path(shutil.copy(made, folder))


def test_the_wheel_is_installed_by_pipx(debian: Machine, wheel: Path, world: World) -> None:
    anna = Follower(debian, "anna", *world, wheel=wheel)
    anna.follow("With pipx")
    anna.works()
    anna.do("pipx uninstall feed-monitor")


def test_the_wheel_is_installed_by_uv(debian: Machine, wheel: Path, world: World) -> None:
    anna = Follower(debian, "anna", *world, wheel=wheel)
    anna.follow("With uv")
    anna.works()
    anna.do("uv tool uninstall feed-monitor")


def test_the_wheel_is_installed_by_pip_and_the_service_for_its_user(
    debian: Machine, wheel: Path, world: World
) -> None:
    anna = Follower(debian, "anna", *world, wheel=wheel)
    anna.follow("With pip")
    anna.works()
    said = anna.follow("A service of your own")
    assert "The service is installed and not started yet." in said
    assert "The service is started, and starts with the machine." in said
    assert anna.called() == [
        "systemctl --user daemon-reload",
        "systemctl --user daemon-reload",
        "systemctl --user enable monitor.service",
        "systemctl --user start monitor.service",
        "loginctl enable-linger",
        "systemctl --user status monitor",
    ]
    before = len(world[0].received)
    command = command_of(debian, "/home/anna/.config/systemd/user/monitor.service")
    anna.do(f"{command.removesuffix(' run')} once --now")
    assert len(world[0].received) == before + 1
    database = debian.path("/home/anna/.local/state/feed-monitor/monitor.db")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    said = anna.follow("Removing it")
    assert "Your configuration stays in /home/anna/.config/feed-monitor." in said
    assert not debian.path("/home/anna/.config/systemd/user/monitor.service").exists()
    assert database.exists()


def test_root_installs_the_wheel_for_all_and_a_service_of_the_system(
    debian: Machine, wheel: Path, world: World
) -> None:
    root = Follower(debian, "root", *world, wheel=wheel)
    root.follow("For all, as root")
    root.works()
    said = root.follow("A service of the system")
    assert "The service is started, and starts with the machine." in said
    assert root.called()[-3:] == [
        "systemctl enable monitor.service",
        "systemctl restart monitor.service",
        "systemctl status monitor",
    ], "for the unit has got a credential"
    unit = debian.path("/etc/systemd/system/monitor.service").read_text("utf-8")
    assert "\nLoadCredential=smtp_password:/etc/monitor/smtp_password\n" in unit
    uid, gid = debian.do("id -u monitor; id -g monitor").split()
    # As systemd starts it: under its user, with the credential in a directory of its own.
    debian.do(
        "install -d -o monitor /run/credentials/monitor;"
        "install -m 0400 -o monitor /etc/monitor/smtp_password /run/credentials/monitor/"
    )
    before = len(world[0].received)
    command = command_of(debian, "/etc/systemd/system/monitor.service").removesuffix(" run")
    done = debian.run(
        *("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"),
        *(*command.split(), "once", "--now"),
        environ={"CREDENTIALS_DIRECTORY": "/run/credentials/monitor"},
    )
    assert done.returncode == 0, done.stdout
    assert len(world[0].received) == before + 1
    owner = debian.path("/var/lib/monitor/monitor.db").stat()
    assert (owner.st_uid, stat.S_IMODE(owner.st_mode)) == (int(uid), 0o600)


def test_what_stands_in_roots_home_is_no_service_of_the_system_and_without_systemd_cron_does_it(
    debian: Machine, wheel: Path, world: World
) -> None:
    root = Follower(debian, "root", *world, wheel=wheel)
    root.follow("With uv")
    with pytest.raises(AssertionError, match="somebody's home: /root"):
        root.do("monitor service install --system")
    debian.do("rm -r /run/systemd/system")
    with pytest.raises(AssertionError, match="not run by systemd"):
        root.do("monitor service install --system")
    root.called()
    root.follow("Without systemd")
    assert root.called() == ["crontab -l", "crontab -"]
    assert debian.path("/root/.config/feed-monitor/config.toml").exists()


def test_the_containers_are_started_with_a_configuration_and_a_password_that_they_can_read(
    debian: Machine, world: World
) -> None:
    anna = Follower(debian, "anna", *world)
    anna.follow("In a container")
    calls = anna.called()
    assert calls[0] == "docker compose -f deploy/compose.yaml up -d --build"
    assert calls[2] == "docker compose -f deploy/compose.yaml -f deploy/compose.postgres.yaml up -d --build"
    for call in calls:
        for name in re.findall(r"-f (\S+)", call):
            assert debian.path(f"{anna.folder}/{name}").exists(), name
    modes = {
        name: f"{stat.S_IMODE(debian.path(f'{anna.folder}/deploy/{name}').stat().st_mode):o}"
        for name in ("config/config.toml", "secrets", "secrets/smtp_password", ".env")
    }
    assert modes == {
        "config/config.toml": "644",
        "secrets": "700",
        "secrets/smtp_password": "644",
        ".env": "600",
    }
    assert re.fullmatch(r"DATABASE_PASSWORD=\w{20,}\n", debian.path(f"{anna.folder}/deploy/.env").read_text())


def test_every_section_with_commands_is_followed() -> None:
    followed = re.findall(r'follow\("(.+?)"\)', Path(__file__).read_text("utf-8"))
    assert set(GUIDE) - set(followed) == {"Installation"}, "which is apt alone"


def command_of(debian: Machine, unit: str) -> str:
    """Return the command line of a unit."""
    (line,) = (
        line for line in debian.path(unit).read_text("utf-8").splitlines() if line.startswith("ExecStart=")
    )
    return line.removeprefix("ExecStart=")
