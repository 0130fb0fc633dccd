"""The desk that most tests of jobs work at."""

import pytest

from monitor.store.database import Database
from tests.fakes import FakeClock
from tests.jobs.desk import Desk


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db=db, clock=FakeClock())
