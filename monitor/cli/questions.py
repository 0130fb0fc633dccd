"""Ask questions on a terminal, in the reader's language: a line, yes or no, a password."""

import contextlib
import locale
import unicodedata
from collections.abc import Callable
from getpass import getpass
from typing import TypeVar

from monitor.cli.terminal import complain, printable
from monitor.texts import sentence, shown

T = TypeVar("T")

_YES, _NO = ("y", "yes", "是", "好", "对"), ("n", "no", "不", "否", "不是", "不要")


def ask(question: str, read: Callable[[str], T], default: str = "") -> T:
    """Ask until `read` can make something of the answer; Enter is the default. `read` raises ValueError with why not.

    Full-width letters and digits are taken as the plain ones. Raises EOFError and KeyboardInterrupt.
    """
    return _ask(f"{_shown(question)} [{default}]" if default else _shown(question), read, default)


def ask_yes(question: str, *, default: bool) -> bool:
    """Ask for yes or no."""

    def read(typed: str) -> bool:
        if typed.lower() in _YES:
            return True
        if typed.lower() in _NO:
            return False
        if typed:
            raise ValueError(sentence("Answer y or n."))
        return default

    return _ask(f"{_shown(question)} [{'Y/n' if default else 'y/N'}]", read)


def ask_password(question: str) -> str:
    """Ask for a password, which is not shown while it is typed; "" for none."""
    return getpass(f"{_shown(question)}: ")


def _ask(question: str, read: Callable[[str], T], default: str = "") -> T:
    _load_line_editor()
    while True:
        typed = unicodedata.normalize("NFKC", input(f"{question}: ")).strip()
        try:
            return read(typed or default)
        except ValueError as error:
            complain(error.args[0])


def _load_line_editor() -> None:
    """Let Chinese characters be corrected while they are typed, where the terminal's locale knows them."""
    if locale.nl_langinfo(locale.CODESET) == "UTF-8":  # in another one readline spoils them
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - input() uses it by itself


def _shown(question: str) -> str:
    return printable(shown(question))
