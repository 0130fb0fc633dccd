"""200 random kills of the service under a stream of new entries: `python bench/storm.py [KILLS] [SEED]`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.storm import storm

if __name__ == "__main__":
    kills, seed = (int(word) for word in [*sys.argv[1:], *["200", "1"][len(sys.argv) - 1 :]])
    with TemporaryDirectory() as folder:
        damage = storm(Path(folder), kills=kills, seed=seed)
    print(damage)
    sys.exit(1 if damage.lost or damage.repeated or damage.unequal_copies else 0)
