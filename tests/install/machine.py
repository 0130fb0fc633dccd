"""A machine of its own for a test: this one's files, on which nothing that is done stays (an overlay, in a chroot).

It takes root and a kernel with overlay file systems; without them a test is skipped, or fails where CI=true. Network
and processes are this machine's.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

# What a package index is found and trusted by on this machine.
_FOR_INDEXES = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy")
_SET_UP = """
mount -t tmpfs tmpfs {folder}
mkdir {folder}/upper {folder}/work {folder}/root
mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {folder}/root
mount --rbind /dev {folder}/root/dev
mount --rbind /proc {folder}/root/proc
echo ready
exec cat
"""


class Machine:
    """A root directory, and the commands run in it."""

    def __init__(self, folder: Path, holder: "subprocess.Popen[str]") -> None:
        self._root = folder / "root"
        self._holder = holder  # of the mounts
        self.environ = {name: value for name, value in os.environ.items() if name.startswith(_FOR_INDEXES)}
        self.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        self.environ["UV_SYSTEM_CERTS"] = "1"  # as pip and apt do: uv brings certificates of its own

    def path(self, path: str) -> Path:
        """Return where a file of the machine can be read and written from here; a link in it must not be absolute."""
        return Path(f"/proc/{self._holder.pid}/root{self._root}{path}")

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file of the machine, and the directories it needs."""
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text, "utf-8")
        self.path(path).chmod(mode)

    def run(
        self,
        *words: str,
        user: int | str = 0,
        folder: str = "/",
        environ: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; standard error is in `stdout`, too."""
        return subprocess.run(
            self.command(*words, user=user, folder=folder, environ=environ),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=400,
        )

    def do(self, script: str, **how: object) -> str:
        """Run a script of the shell, which has to succeed; return what it said."""
        done = self.run("bash", "-euo", "pipefail", "-c", script, **how)  # type: ignore[arg-type]
        assert done.returncode == 0, f"{script}\nexit {done.returncode}:\n{done.stdout}"
        return done.stdout

    def command(
        self, *words: str, user: int | str = 0, folder: str = "/", environ: Mapping[str, str] | None = None
    ) -> list[str]:
        """Return the command of this machine that runs a command of that one."""
        variables = [f"{name}={value}" for name, value in {**self.environ, **(environ or {})}.items()]
        return [
            *("nsenter", f"--target={self._holder.pid}", "--mount", "chroot", str(self._root)),
            *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
            *("env", "-i", "-C", folder, *variables, *words),
        ]

    def mount(self, *arguments: str) -> None:
        """Mount something; paths are the machine's where they begin with @."""
        words = [str(self._root) + word[1:] if word.startswith("@") else word for word in arguments]
        enter = ("nsenter", f"--target={self._holder.pid}", "--mount")
        subprocess.run([*enter, "mount", *words], check=True)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Make a machine whose mounts are under a new folder; at the end nothing of it is left."""
    folder.mkdir()
    script = "set -e\n" + _SET_UP.format(folder=shlex.quote(str(folder)))
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as holder:
        assert holder.stdout
        assert holder.stderr
        assert holder.stdin
        if holder.stdout.readline() != "ready\n":
            reason = holder.stderr.read()
            if os.environ.get("CI") == "true":
                pytest.fail(f"no machine can be made: {reason}")
            pytest.skip(f"it takes root and overlay file systems: {reason}")
        try:
            yield Machine(folder, holder)
        finally:
            holder.stdin.close()
