"""The files of this project, as a clone of it has them."""

import shutil
import subprocess
from pathlib import Path

import monitor

ROOT = Path(monitor.__file__).parent.parent


def copy_checkout(folder: Path) -> None:
    """Copy what git knows, or would take, into a new folder."""
    words = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, capture_output=True, encoding="utf-8", check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
