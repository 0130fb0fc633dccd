"""Install the service in systemd, or remove it: user, directories, config.toml, password file, unit."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from monitor.assets import DEFAULT_CONFIG, UNIT
from monitor.cli.terminal import answer, complain_each, say
from monitor.config.checked import CheckedConfig, check_options
from monitor.config.options import StoreOptions
from monitor.config.reading import as_text, read_file
from monitor.editing.edit import put_whole
from monitor.editing.setting import with_setting
from monitor.editing.setup import PASSWORD_FILE
from monitor.errors import MonitorError
from monitor.queries.answers.service import InstallAnswer
from monitor.reasons import reason_of
from monitor.service.unit import UnitSettings, unit_text
from monitor.texts import SHOWN_IN, Text, joined, sentence

UNIT_NAME = "monitor.service"
_USER = "monitor"  # under which the system's service runs
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome hides from the system's service


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the service is installed. Paths are as the service sees them; `root` stands before them here."""

    for_user: bool  # by a user's own systemd
    program: tuple[str, ...]  # the words that start this program
    folders: tuple[Path, ...]  # what the program needs to run: it has to be readable for the service
    unit: Path
    config: Path  # the directory of config.toml
    state: Path  # the directory of the database
    root: Path = Path("/")

    @property
    def config_file(self) -> Path:
        """The config.toml of the service."""
        return self.config / "config.toml"

    def here(self, path: Path) -> Path:
        """Return where a path of the service is on this machine."""
        return self.root / path.relative_to("/")


def installation(*, for_user: bool | None, environ: Mapping[str, str] = os.environ) -> Installation:
    """Return where this program is installed, or would be; `for_user` None: for the system when root asks."""
    started_as = Path(sys.argv[0]).absolute()
    is_script = started_as.name == "monitor" and started_as.is_file()
    program = (str(started_as),) if is_script else (sys.executable, "-P", "-m", "monitor")
    folders = tuple(
        dict.fromkeys((Path(program[0]).resolve(), Path(sys.prefix), Path(sys.base_prefix).resolve()))
    )
    if for_user or (for_user is None and os.geteuid()):
        home = Path(environ.get("HOME") or Path.home())
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
        return Installation(
            for_user=True,
            program=program,
            folders=folders,
            unit=config / "systemd" / "user" / UNIT_NAME,
            config=config / "feed-monitor",
            state=state / "feed-monitor",
        )
    return Installation(
        for_user=False,
        program=program,
        folders=folders,
        unit=Path("/etc/systemd/system") / UNIT_NAME,
        config=Path("/etc/monitor"),
        state=Path("/var/lib/monitor"),
    )


# --- install --------------------------------------------------------------------------------------


def install(where: Installation, *, dry_run: bool, json: bool) -> int:
    """Install or update the service, and start it once its configuration is good; return 1 while it is not.

    Raises MonitorError, before anything is changed, where it cannot be.
    """
    _require_systemd(where)
    _require_rights(where, "install")
    _require_program_for_all(where)
    _require_own_unit(where)
    work = _Work(where, dry_run=dry_run)
    before = _config_before(where)
    text, changes = _config_wanted(where, before)
    checked = check_options(where.here(where.config_file), text.encode())
    password = _password_file(where, checked)
    settings = UnitSettings(
        program=where.program,
        config=PurePosixPath(where.config_file),
        password=PurePosixPath(password) if password and not where.for_user else None,
        for_user=where.for_user,
    )
    unit = unit_text(UNIT.read_text("utf-8"), settings)
    if not where.for_user:
        work.make_user()
    work.make_folder(where.config, 0o750, of_service=False)
    work.write_config(where.config_file, text, changes)
    work.make_folder(where.state, 0o700, of_service=True)
    if password:
        work.make_password_file(password)
    is_new = work.write_unit(where.unit, unit)
    work.run(*_systemctl(where, "daemon-reload"))
    to_do = list(_to_do(where, checked, password, dry_run=dry_run))
    problems = [] if to_do else _check(where, password)
    if problems:
        to_do = [sentence("Correct {file}.", file=where.config_file)]
    if not to_do:
        work.run(*_systemctl(where, "enable", UNIT_NAME))
        work.run(*_systemctl(where, "restart" if is_new else "start", UNIT_NAME))
    return _report(where, work, to_do, problems, json=json)


def _report(
    where: Installation, work: "_Work", to_do: list[Text], problems: Sequence[str], *, json: bool
) -> int:
    runs = not to_do and not work.dry_run
    if to_do:
        to_do.append(
            sentence("Then again: {command}", command=_command(where, "service", "install", _kind(where)))
        )
    else:
        to_do.append(
            sentence("See how it is: {command}", command=" ".join(_systemctl(where, "status", UNIT_NAME)))
        )
        to_do.append(
            sentence("And: {command}", command=_command(where, "--config", str(where.config_file), "status"))
        )
    if where.for_user:
        command = "loginctl enable-linger"
        to_do.append(sentence("So that it runs while you are not logged in: {command}", command=command))
    if json:
        answer(_answer(where, work, to_do, runs=runs))
    else:
        complain_each(problems)
        work.say()
        if runs:
            say(sentence("The service is started, and starts with the machine."), "green")
        elif not work.dry_run:
            say(sentence("The service is installed and not started yet."), "yellow")
        say(sentence("What to do next:"))
        for line in to_do:
            say(joined("  ", ("", line)))
    return 0 if runs or work.dry_run or not problems else 1


def _config_before(where: Installation) -> str | None:
    """Return the text of the config.toml that is there, None without one. Raises ConfigError, MonitorError."""
    file = where.here(where.config_file)
    if not file.exists():
        return None
    return as_text(read_file(file), file)


def _config_wanted(where: Installation, before: str | None) -> tuple[str, list[Text]]:
    """Return config.toml as the service needs it, and what is changed in it; raises MonitorError."""
    text = DEFAULT_CONFIG.read_text("utf-8") if before is None else before
    changes = []
    if _table(text, "store").get("url", StoreOptions().url) == StoreOptions().url:
        # In its default place the service may not write.
        _require_no_database(where)
        url = f"sqlite:///{where.state}/monitor.db"
        text = with_setting(text, "store", "url", url)
        changes.append(sentence("[store] url = {url}", url=url))
    smtp = _table(text, "smtp")
    # Also where systemd loads it: the other commands, which root runs, want it too.
    if smtp.get("host") and smtp.get("username") and not smtp.get("password_file"):
        text = with_setting(text, "smtp", "password_file", PASSWORD_FILE)
        changes.append(sentence("[smtp] password_file = {file}", file=PASSWORD_FILE))
    return text, changes


def _require_no_database(where: Installation) -> None:
    old = where.here(where.config / "data" / "monitor.db")
    if old.exists():
        raise MonitorError(
            sentence(
                "There is a database already: {old}. The service keeps its own in {state}. Move the folder's content "
                "there, or name the file in [store] url; nothing was done.",
                old=old,
                state=where.state,
            )
        )


def _password_file(where: Installation, checked: CheckedConfig) -> Path | None:
    """Return the file with the password of the mail server, as the service sees it; None without a login."""
    smtp = checked.config.smtp
    if not (smtp.host and smtp.username):
        return None
    return where.config / (smtp.password_file or PASSWORD_FILE)


def _to_do(
    where: Installation, checked: CheckedConfig, password: Path | None, *, dry_run: bool
) -> list[Text]:
    """Return what only the operator can do before the service can be started."""
    to_do = []
    if _addresses(checked.text) <= _addresses(DEFAULT_CONFIG.read_text("utf-8")):
        to_do.append(
            sentence(
                'Put your address into "to" and your mail server into [smtp], in {file}.',
                file=where.config_file,
            )
        )
    if password and not dry_run and not where.here(password).stat().st_size:
        to_do.append(sentence("Put the password of the mail account into {file}.", file=password))
    return to_do


def _addresses(text: str) -> set[str]:
    return {
        str(address)
        for table in tomllib.loads(text).get("subscriptions", [])
        for address in table.get("to", [])
    }


def _table(text: str, name: str) -> Mapping[str, object]:
    try:
        table = tomllib.loads(text).get(name, {})
    except tomllib.TOMLDecodeError:
        return {"url": ""}  # the check says what is wrong with it
    return table if isinstance(table, dict) else {}


def _check(where: Installation, password: Path | None) -> list[str]:
    """Return why `monitor check` refuses the configuration, run as the service will be; [] when it does not."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")}
    if password and not where.for_user:
        environ["CREDENTIALS_DIRECTORY"] = str(where.here(where.config))
    language = ("--lang", SHOWN_IN.get())
    words = [*where.program, *language, "--config", str(where.here(where.config_file)), "check"]
    done = subprocess.run(  # noqa: S603 - this program itself, without a shell
        words, env=environ, capture_output=True, encoding="utf-8", check=False
    )
    return [] if done.returncode == 0 else (done.stderr or done.stdout).splitlines()


# --- uninstall ------------------------------------------------------------------------------------


def uninstall(where: Installation, *, dry_run: bool, json: bool) -> int:
    """Stop and remove the service; configuration and data stay. Raises MonitorError where it cannot be."""
    work = _Work(where, dry_run=dry_run)
    if where.here(where.unit).exists():
        _require_rights(where, "uninstall")
        _require_own_unit(where)
        if has_systemd(where):
            work.run(*_systemctl(where, "disable", "--now", UNIT_NAME))
        work.remove(where.unit)
        if has_systemd(where):
            work.run(*_systemctl(where, "daemon-reload"))
    kept = [
        sentence("Your configuration stays in {folder}.", folder=where.config),
        sentence("The database and the mails stay in {folder}.", folder=where.state),
    ]
    if json:
        answer(_answer(where, work, kept, runs=False))
        return 0
    if not work.done:
        say(sentence("There is no {unit}: nothing to remove.", unit=where.unit))
    work.say()
    for line in kept:
        say(line)
    return 0


def _answer(where: Installation, work: "_Work", to_do: Sequence[str], *, runs: bool) -> InstallAnswer:
    return InstallAnswer(
        dry_run=work.dry_run,
        unit=str(where.unit),
        config=str(where.config_file),
        state=str(where.state),
        done=tuple(map(str, work.done)),
        to_do=tuple(map(str, to_do)),
        runs=runs,
    )


# --- what has to be so ----------------------------------------------------------------------------


def has_systemd(where: Installation) -> bool:
    """Return whether this machine is run by systemd (sd_booted(3)), and can be told what to do."""
    return where.here(Path("/run/systemd/system")).is_dir() and shutil.which("systemctl") is not None


def _require_systemd(where: Installation) -> None:
    if not has_systemd(where):
        command = _command(where, "--config", "/path/to/config.toml")
        raise MonitorError(
            sentence(
                "This machine is not run by systemd, so there is nothing to install the service in. Instead: let your "
                'supervisor (OpenRC, runit, s6, supervisord) run "{command} run", or a container '
                '(docs/guide/install.md), or let cron run "{command} once" every five minutes.',
                command=command,
            )
        )


def _require_rights(where: Installation, verb: str) -> None:
    if not where.for_user and where.root == Path("/") and os.geteuid():
        command = _command(where, "service", verb, "--system")
        raise MonitorError(
            sentence(
                "The system's service is root's affair: sudo {command}. Without root: --user", command=command
            )
        )


def _require_program_for_all(where: Installation) -> None:
    for folder in where.folders if not where.for_user else ():
        if any(folder.is_relative_to(home) for home in _HOMES):
            raise MonitorError(
                sentence(
                    "The system's service cannot use a program in somebody's home: {folder}. Install it for all "
                    "(python3 -m venv /opt/monitor, see docs/guide/install.md), or take --user. Nothing was done.",
                    folder=folder,
                )
            )


def _require_own_unit(where: Installation) -> None:
    unit = where.here(where.unit)
    if unit.exists() and "feed-monitor" not in unit.read_text("utf-8", "replace"):
        raise MonitorError(
            sentence(
                "{unit} belongs to another program. It was left as it is; nothing was done.", unit=where.unit
            )
        )


# --- how it is done -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Work:
    """Do what an installation takes, step by step, or with `dry_run` only list it."""

    where: Installation
    dry_run: bool
    done: list[Text] = field(default_factory=list)

    def say(self) -> None:
        if self.dry_run:
            say(sentence("Nothing was done. Without --dry-run this happens:"))
        for line in self.done:
            say(joined("  ", ("", line)))

    def make_user(self) -> None:
        """Make the system's user under whom the service runs; one that is there stays."""
        entry = f'u {_USER} - "feed-monitor" {self.where.state}'
        self.run("systemd-sysusers", f"--root={self.where.root}", "--inline", entry)

    def make_folder(self, path: Path, mode: int, *, of_service: bool) -> None:
        """Make a directory: the service's own, or one that its group may read."""
        if not self.dry_run:
            with _as_error(path):
                self.where.here(path).mkdir(parents=True, exist_ok=True)
        written = self._own(path, mode, of_service=of_service)
        self.done.append(sentence("{path}: directory, mode {mode}", path=path, mode=written))

    def write_config(self, path: Path, text: str, changes: Sequence[Text]) -> None:
        """Write config.toml, which the service's group may read; `changes` are told of a file that was there."""
        before = self._text_of(path)
        if before != text:
            self._replace(path, text)
        mode = self._own(path, 0o640, of_service=False)
        if before is None:
            self.done.append(sentence("{path}: written with every option, mode {mode}", path=path, mode=mode))
        elif before == text:
            self.done.append(sentence("{path}: left as it is, mode {mode}", path=path, mode=mode))
        if before != text:
            self.done += [sentence("{path}: {change}", path=path, change=change) for change in changes]

    def write_unit(self, path: Path, text: str) -> bool:
        """Write the unit; return whether it is another one than before."""
        before = self._text_of(path)
        if before == text:
            self.done.append(sentence("{path}: is this unit already", path=path))
            return False
        self._replace(path, text)
        if not self.dry_run:
            self.where.here(path).chmod(0o644)
        self.done.append(sentence("{path}: written", path=path))
        return True

    def make_password_file(self, path: Path) -> None:
        """Make an empty file for the password, unless there is one, which its owner alone may read."""
        if not self.dry_run:
            with _as_error(path):
                here = self.where.here(path)
                here.touch(mode=0o600)
                here.chmod(0o600)
        self.done.append(sentence("{path}: for the password of the mail account, mode 0600", path=path))

    def remove(self, path: Path) -> None:
        """Remove a file."""
        if not self.dry_run:
            with _as_error(path):
                self.where.here(path).unlink(missing_ok=True)
        self.done.append(sentence("{path}: removed", path=path))

    def run(self, *words: str) -> None:
        """Run a command of the system. Raises MonitorError when it fails."""
        if not self.dry_run:
            _run(words)
        self.done.append(sentence("run: {command}", command=shlex.join(words)))

    def _text_of(self, path: Path) -> str | None:
        here = self.where.here(path)
        return here.read_text("utf-8-sig", "replace") if here.exists() else None

    def _replace(self, path: Path, text: str) -> None:
        """Put a file in a path's place, also behind a link."""
        if self.dry_run:
            return
        here = self.where.here(path)
        with _as_error(path):
            here.parent.mkdir(parents=True, exist_ok=True)
            put_whole(here.resolve(), text.encode())

    def _own(self, path: Path, mode: int, *, of_service: bool) -> str:
        """Set the mode of a path, and for the system's service its owner and group; return the mode as text."""
        if self.where.for_user:
            mode &= 0o700
        if not self.dry_run:
            here = self.where.here(path)
            with _as_error(path):
                if not self.where.for_user:
                    user, group = _ids(self.where.root)
                    os.chown(here, user if of_service else os.geteuid(), group)
                here.chmod(mode)
        return f"{mode:04o}"


@contextmanager
def _as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MonitorError(
            sentence("{path} cannot be written: {reason}.", path=path, reason=reason_of(error))
        ) from error


def _ids(root: Path) -> tuple[int, int]:
    """Return the numbers of the service's user and group, as systemd-sysusers has written them."""
    users = (root / "etc" / "passwd").read_text("utf-8").splitlines()
    entry = next((user.split(":") for user in users if user.startswith(f"{_USER}:")), None)
    if entry is None:
        raise MonitorError(sentence("There is no user {user} in /etc/passwd.", user=_USER))
    return int(entry[2]), int(entry[3])


def _run(words: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a command of systemd with words of ours, without a shell
            words, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        reason = reason_of(error)
    else:
        if done.returncode == 0:
            return
        reason = done.stderr.strip() or f"exit {done.returncode}"
    raise MonitorError(sentence("This failed: {command}\n{reason}", command=shlex.join(words), reason=reason))


def _systemctl(where: Installation, *words: str) -> tuple[str, ...]:
    return ("systemctl", "--user", *words) if where.for_user else ("systemctl", *words)


def _command(where: Installation, *words: str) -> str:
    return shlex.join([*where.program, *words])


def _kind(where: Installation) -> str:
    return "--user" if where.for_user else "--system"
