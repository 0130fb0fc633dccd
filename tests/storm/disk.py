"""Mount a small disk of its own, fill it to the last byte, and free it again."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

_BLOCKS = (1 << 20, 1 << 16, 4096, 512, 1)  # bytes


class SmallDisk:
    """A tmpfs at this path. Only root may mount one: elsewhere `why_not` says so, and the path is a folder."""

    def __init__(self, path: Path, size: str) -> None:
        self.path, self.why_not = path, ""
        self._filler = path / "filler"
        path.mkdir()
        if os.geteuid() != 0:
            self.why_not = "only root can mount a disk"
            return
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "storm", str(path)]
        result = subprocess.run(mount, capture_output=True, text=True, check=False)
        if result.returncode:
            self.why_not = f"no disk can be mounted: {result.stderr.strip()}"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("wb", buffering=0) as filler:
            for size in _BLOCKS:
                with suppress(OSError):
                    while filler.write(b"\0" * size):
                        pass

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        if not self.why_not:
            subprocess.run(["umount", "-l", str(self.path)], check=False)
