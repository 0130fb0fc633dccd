"""What the server of tests/forked.py has done before it forks, so that no process of the tests does it again."""

import structlog  # noqa: F401 # otherwise loaded with the first line of the log

import monitor.service.service  # noqa: F401
import tests.jobs.killed  # noqa: F401
from monitor.digests.render import digest_renderer
from monitor.digests.sample import made_up_digest
from monitor.rules.match import compile_rules, match_entry
from monitor.web.pages import problem_page
from tests import make
from tests.command import run_command

run_command("--version")  # works the commands out
digest_renderer()(made_up_digest(make.subscription(), make.NOW, next_at=None))
problem_page("unknown", make.subscription().locale)
match_entry(make.entry(), compile_rules([make.rule()], [make.feed()]))
