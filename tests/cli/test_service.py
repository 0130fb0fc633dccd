"""`monitor service`: what is written where, with which mode, and what systemd is told (by a stub)."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest

from monitor.assets import DEFAULT_CONFIG, UNIT
from monitor.cli.installation import Installation, install, installation, uninstall
from monitor.errors import ConfigError, MonitorError
from monitor.service.unit import UnitSettings, unit_text
from monitor.texts import SHOWN_IN
from tests import make
from tests.command import run_command
from tests.disk import full_disk
from tests.site import open_site, wait_for_event

MINE = DEFAULT_CONFIG.read_text("utf-8").replace("you@example.org", "me@news.example")
LOGIN = MINE.replace('host = ""', 'host = "mail.example.org"').replace('username = ""', 'username = "me"', 1)

Machine = Callable[[], list[str]]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Put stubs of systemd's commands on PATH; return the function that tells what they were called with so far."""
    called, stubs = tmp_path / "called", tmp_path / "stubs"
    stubs.mkdir()
    called.touch()
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    for name in ("systemctl", "systemd-sysusers"):
        stub = stubs / name
        stub.write_text(f'#!/bin/sh\necho {name} "$@" >> {called}\n')
        stub.chmod(0o755)
    # The user that systemd-sysusers would make: one that the tests may give files to.
    (tmp_path / "etc/passwd").write_text(f"monitor:x:{os.getuid()}:{os.getgid()}::/:/bin/false\n")
    monkeypatch.setenv("PATH", f"{stubs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home/me"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def calls() -> list[str]:
        lines = called.read_text().splitlines()
        called.write_text("")
        return [line for line in lines if line.startswith("systemctl")]

    return calls


def of_system(root: Path) -> Installation:
    where = installation(for_user=False)
    return replace(where, root=root, program=(sys.executable, "-m", "monitor"), folders=())


def of_user(root: Path) -> Installation:
    """A user's installation on a machine whose /run is in `root`."""
    where = installation(for_user=True)
    home = Path("/home/me")
    return replace(
        where,
        root=root,
        program=(sys.executable, "-m", "monitor"),
        unit=home / where.unit.relative_to(root / "home/me"),
        config=home / where.config.relative_to(root / "home/me"),
        state=home / where.state.relative_to(root / "home/me"),
    )


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def write_config(where: Installation, text: str) -> Path:
    file = where.here(where.config_file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_a_first_install_writes_everything_and_starts_nothing(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_system(tmp_path)
    assert install(where, dry_run=False, json=False) == 0
    assert machine() == ["systemctl daemon-reload"], "the address in the file is nobody's"
    config = (tmp_path / "etc/monitor/config.toml").read_text("utf-8")
    assert 'url = "sqlite:////var/lib/monitor/monitor.db"  # or' in config
    assert config.replace("sqlite:////var/lib/monitor/monitor.db", "sqlite:///data/monitor.db") == (
        DEFAULT_CONFIG.read_text("utf-8")
    )
    modes = {
        name: mode(tmp_path / name) for name in ("etc/monitor", "etc/monitor/config.toml", "var/lib/monitor")
    }
    assert modes == {"etc/monitor": "0750", "etc/monitor/config.toml": "0640", "var/lib/monitor": "0700"}
    unit = (tmp_path / "etc/systemd/system/monitor.service").read_text("utf-8")
    assert f"\nExecStart={sys.executable} -m monitor --config /etc/monitor/config.toml run\n" in unit
    assert "LoadCredential" not in unit, "there is no login"
    said = capsys.readouterr().out
    assert "/etc/monitor/config.toml: written with every option, mode 0640" in said
    assert "The service is installed and not started yet." in said
    assert 'Put your address into "to" and your mail server into [smtp], in /etc/monitor/config.toml.' in said
    assert f"Then again: {sys.executable} -m monitor service install --system" in said


def test_a_good_configuration_is_enabled_and_started(tmp_path: Path, machine: Machine) -> None:
    where = of_system(tmp_path)
    write_config(where, MINE)
    assert install(where, dry_run=False, json=False) == 0
    assert machine() == [
        "systemctl daemon-reload",
        "systemctl enable monitor.service",
        "systemctl restart monitor.service",
    ]


def test_a_second_install_changes_nothing(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_system(tmp_path)
    write_config(where, MINE)
    install(where, dry_run=False, json=False)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != "called"}
    machine(), capsys.readouterr()
    assert install(where, dry_run=False, json=False) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.name != "called"} == files
    assert machine()[-1] == "systemctl start monitor.service", "which does nothing where it runs"
    said = capsys.readouterr().out
    assert "/etc/monitor/config.toml: left as it is, mode 0640" in said
    assert "/etc/systemd/system/monitor.service: is this unit already" in said


def test_what_check_refuses_is_not_started(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_system(tmp_path)
    write_config(where, MINE.replace('ca_file = ""', 'ca_file = "gone.pem"'))
    assert install(where, dry_run=False, json=False) == 1
    assert machine() == ["systemctl daemon-reload"]
    said = capsys.readouterr()
    assert "gone.pem" in said.err
    assert "Correct /etc/monitor/config.toml." in said.out


def test_a_file_that_cannot_be_read_stops_it_before_anything_is_done(
    tmp_path: Path, machine: Machine
) -> None:
    where = of_system(tmp_path)
    write_config(where, "[smtp\n")
    with pytest.raises(ConfigError):
        install(where, dry_run=False, json=False)
    assert machine() == []
    assert not where.here(where.unit).exists()


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path, machine: Machine) -> None:
    where = of_system(tmp_path)
    file = write_config(where, LOGIN)
    with (
        full_disk(len(LOGIN.encode()) - 1000),
        pytest.raises(MonitorError, match="cannot be written: File too"),
    ):
        install(where, dry_run=False, json=False)
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]
    assert file.read_text("utf-8") == LOGIN


def test_a_configuration_behind_a_link_may_be_on_another_disk(tmp_path: Path, machine: Machine) -> None:
    where = of_system(tmp_path)
    link = write_config(where, LOGIN)
    with TemporaryDirectory(dir="/dev/shm") as disk:
        file = Path(shutil.move(link, disk))
        link.symlink_to(file)
        install(where, dry_run=False, json=False)
        assert link.is_symlink()
        assert "smtp_password" in file.read_text("utf-8")


def test_a_login_wants_its_password_as_a_credential(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_system(tmp_path)
    write_config(where, LOGIN)
    assert install(where, dry_run=False, json=False) == 0
    password = tmp_path / "etc/monitor/smtp_password"
    assert (password.read_text(), mode(password)) == ("", "0600")
    config = where.here(where.config_file).read_text("utf-8")
    assert 'password_file = "smtp_password"     # or' in config, "for the commands that root runs"
    assert "\nLoadCredential=smtp_password:/etc/monitor/smtp_password\n" in where.here(where.unit).read_text()
    assert "Put the password of the mail account into /etc/monitor/smtp_password." in capsys.readouterr().out
    assert machine() == ["systemctl daemon-reload"]
    password.write_text("secret\n")
    assert install(where, dry_run=False, json=False) == 0
    assert machine()[1:] == ["systemctl enable monitor.service", "systemctl start monitor.service"]
    assert "secret" not in "".join(capsys.readouterr())


def test_a_password_file_of_the_configuration_becomes_the_credential(
    tmp_path: Path, machine: Machine
) -> None:
    where = of_system(tmp_path)
    write_config(where, LOGIN.replace('password_file = ""     # or', 'password_file = "pw"     # or'))
    (tmp_path / "etc/monitor/pw").write_text("secret")
    (tmp_path / "etc/monitor/pw").chmod(0o644)
    assert install(where, dry_run=False, json=False) == 0
    assert "\nLoadCredential=smtp_password:/etc/monitor/pw\n" in where.here(where.unit).read_text()
    assert mode(tmp_path / "etc/monitor/pw") == "0600"
    assert machine()[-1] == "systemctl restart monitor.service"


def test_a_database_of_its_own_choice_is_left_alone(tmp_path: Path, machine: Machine) -> None:
    where = of_system(tmp_path)
    text = MINE.replace("sqlite:///data/monitor.db", "postgresql+psycopg://monitor@db/monitor")
    file = write_config(where, text)
    assert install(where, dry_run=False, json=False) == 0
    assert file.read_text("utf-8") == text


def test_a_database_in_the_default_place_is_not_left_behind(tmp_path: Path, machine: Machine) -> None:
    where = of_system(tmp_path)
    file = write_config(where, MINE)
    (file.parent / "data").mkdir()
    (file.parent / "data/monitor.db").touch()
    with pytest.raises(MonitorError, match="There is a database already"):
        install(where, dry_run=False, json=False)
    assert file.read_text("utf-8") == MINE
    assert machine() == []


def test_a_dry_run_lists_what_would_be_done(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert install(of_system(tmp_path), dry_run=True, json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["dry_run"], answer["runs"], answer["state"]) == (True, False, "/var/lib/monitor")
    assert "run: systemctl daemon-reload" in answer["done"]
    assert "/etc/systemd/system/monitor.service: written" in answer["done"]
    assert sorted(tmp_path.rglob("*")) == before
    assert machine() == []


def test_a_user_has_files_of_his_own_and_a_unit_without_what_only_the_system_can_do(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_user(tmp_path)
    assert str(where.unit) == "/home/me/.config/systemd/user/monitor.service"
    assert str(where.config_file) == "/home/me/.config/feed-monitor/config.toml"
    assert str(where.state) == "/home/me/.local/state/feed-monitor"
    file = write_config(where, MINE)
    assert install(where, dry_run=False, json=False) == 0
    assert 'url = "sqlite:////home/me/.local/state/feed-monitor/monitor.db"' in file.read_text("utf-8")
    assert (mode(file.parent), mode(file), mode(where.here(where.state))) == ("0700", "0600", "0700")
    unit = where.here(where.unit).read_text("utf-8")
    names = {line.partition("=")[0] for line in unit.splitlines() if "=" in line and not line.startswith("#")}
    assert {"Type", "WatchdogSec", "NoNewPrivileges", "SystemCallFilter", "WantedBy"} <= names
    assert not names & {"User", "StateDirectory", "After", "ProtectSystem", "PrivateUsers", "LoadCredential"}
    assert unit.endswith("WantedBy=default.target\n")
    assert machine() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable monitor.service",
        "systemctl --user restart monitor.service",
    ]
    assert "loginctl enable-linger" in capsys.readouterr().out


def test_a_user_with_a_login_is_told_where_the_password_goes(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    where = of_user(tmp_path)
    file = write_config(where, LOGIN)
    assert install(where, dry_run=False, json=False) == 0
    said = capsys.readouterr().out
    assert "config.toml: [smtp] password_file = smtp_password" in said
    assert 'password_file = "smtp_password"     # or' in file.read_text("utf-8")
    assert "Put the password of the mail account into /home/me/.config/feed-monitor/smtp_password." in said
    (file.parent / "smtp_password").write_text("secret")
    machine()
    assert install(where, dry_run=False, json=False) == 0
    assert len(machine()) == 3


def test_without_systemd_it_says_what_to_use_instead(tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "run/systemd/system").rmdir()
    with pytest.raises(MonitorError, match=r"not run by systemd.*OpenRC.*container.*cron"):
        install(of_system(tmp_path), dry_run=False, json=False)


def test_a_program_in_somebodys_home_is_not_for_the_system(tmp_path: Path, machine: Machine) -> None:
    where = replace(of_system(tmp_path), folders=(Path("/usr"), Path("/root/.local/share/pipx")))
    with pytest.raises(MonitorError, match=r"somebody's home: /root/\.local/share/pipx"):
        install(where, dry_run=False, json=False)
    assert not (tmp_path / "etc/monitor").exists()


def test_a_unit_of_another_program_is_left_alone(tmp_path: Path, machine: Machine) -> None:
    unit = tmp_path / "etc/systemd/system/monitor.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/usr/bin/other\n")
    for change in (install, uninstall):
        with pytest.raises(MonitorError, match="belongs to another program"):
            change(of_system(tmp_path), dry_run=False, json=False)
    assert "other" in unit.read_text()
    assert machine() == []


def test_what_systemctl_refuses_is_told(tmp_path: Path, machine: Machine) -> None:
    stub = tmp_path / "stubs/systemctl"
    stub.write_text("#!/bin/sh\necho Failed to connect to bus >&2\nexit 1\n")
    with pytest.raises(MonitorError, match="This failed: systemctl daemon-reload\nFailed to connect to bus"):
        install(of_system(tmp_path), dry_run=False, json=False)


@pytest.mark.parametrize("locale", ["en", "zh-Hans"])
def test_uninstall_keeps_configuration_and_data_and_says_where_they_are(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str], locale: str
) -> None:
    where = of_system(tmp_path)
    write_config(where, MINE)
    install(where, dry_run=False, json=False)
    machine(), capsys.readouterr()
    assert uninstall(where, dry_run=True, json=False) == 0
    assert where.here(where.unit).exists()
    assert machine() == []
    capsys.readouterr()
    token = SHOWN_IN.set(locale)
    assert uninstall(where, dry_run=False, json=False) == 0
    assert machine() == ["systemctl disable --now monitor.service", "systemctl daemon-reload"]
    assert not where.here(where.unit).exists()
    assert where.here(where.config_file).exists()
    said = capsys.readouterr().out
    assert ("Your configuration stays in /etc/monitor." in said) is (locale == "en")
    assert ("配置保留在 /etc/monitor。" in said) is (locale == "zh-Hans")
    assert uninstall(where, dry_run=False, json=False) == 0
    assert ("nothing to remove" in capsys.readouterr().out) is (locale == "en")
    SHOWN_IN.reset(token)
    assert machine() == []


def test_user_and_system_exclude_each_other() -> None:
    assert run_command("service", "install", "--user", "--system").code == 2


@pytest.fixture
def systemd_analyze() -> str:
    """The program that judges units; without it a test is skipped, or fails where CI=true."""
    program = shutil.which("systemd-analyze")
    if not program and os.environ.get("CI") != "true":
        pytest.skip("there is no systemd-analyze")
    assert program
    return program


def test_the_unit_that_travels_is_well_protected(systemd_analyze: str) -> None:
    """Measured by systemd itself: 0 is safe, 10 is not. What is left is mostly what needs the network."""
    words = [systemd_analyze, "security", "--offline=true", "--no-pager", str(UNIT)]
    said = subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout
    (level,) = (line for line in said.splitlines() if "Overall exposure level" in line)
    assert float(level.partition("monitor.service: ")[2].split()[0]) <= 1.5


@pytest.mark.parametrize("for_user", [False, True])
def test_systemd_understands_every_line_of_the_unit(
    for_user: bool, tmp_path: Path, systemd_analyze: str
) -> None:
    unit = tmp_path / "monitor.service"
    settings = UnitSettings(
        program=("/bin/echo", "100 % of $HOME"),
        config=PurePosixPath("/etc/monitor/config.toml"),
        password=None if for_user else PurePosixPath("/etc/monitor/smtp_password"),
        for_user=for_user,
    )
    unit.write_text(unit_text(UNIT.read_text("utf-8"), settings))
    assert (
        '\nExecStart=/bin/echo "100 %% of $$HOME" --config /etc/monitor/config.toml run\n' in unit.read_text()
    )
    said = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, encoding="utf-8", check=False
    )
    assert [line for line in said.stderr.splitlines() if "monitor.service" in line] == []


@pytest.mark.parametrize("name", ['say "no"', "it's", "back\\slash", "two\nlines"])
def test_a_path_that_systemd_does_not_take_is_refused_before_anything_is_done(
    tmp_path: Path, machine: Machine, name: str
) -> None:
    folder = Path("/opt") / name
    for where in (
        replace(of_system(tmp_path), program=(str(folder / "monitor"),)),
        replace(of_system(tmp_path), config=folder),
    ):
        with pytest.raises(MonitorError, match="systemd takes no path with a quotation mark"):
            install(where, dry_run=False, json=False)
    assert machine() == []
    assert not (tmp_path / "etc/monitor").exists()
    assert not (tmp_path / "opt").exists()


def test_alive_tells_a_running_service_from_none(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.monitor("once")
        assert "No service on this machine" in site.monitor("service", "alive", code=1)
        with site.service() as service:
            wait_for_event(service, "polled")
            assert "The service runs: process" in site.monitor("service", "alive")
            site.config.write_text(site.config.read_text("utf-8") + "[smpt]\n", "utf-8")
            assert site.json("service", "alive")["alive"] is True, "a refused edit makes no difference"
        assert site.json("service", "alive", code=1) == {"alive": False, "pid": None, "since": None}
