"""What the server of tests/forked.py has done before it forks, so that no process of the tests does it again."""

import jinja2.ext  # noqa: F401 # with the first template; structlog with the first line of the log
import structlog  # noqa: F401

import monitor.service.service  # noqa: F401
import tests.jobs.killed  # noqa: F401
from tests.command import run_command

run_command("--version")  # works the commands out
