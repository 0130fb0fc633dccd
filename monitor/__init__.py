"""Watch news feeds, keep what the rules want, mail it as a digest."""

import signal
import sys
from typing import Final

__version__: Final = "0.1.0"

# Here, because the imports of a service take longer than a supervisor waits before it may send SIGHUP, which would end
# the process: until the service is ready to obey it, it is ignored.
if "run" in sys.argv[1:]:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
