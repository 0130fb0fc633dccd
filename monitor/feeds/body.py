"""Hold the body of an answer: a small one in memory, a large one in an unnamed file of the temporary directory."""

import tempfile
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Self, cast

from monitor.errors import FetchError
from monitor.texts import sentence

_IN_MEMORY = 128_000  # bytes; most documents have less
_PIECE = 64 * 1024  # bytes


class Body:
    """The bytes of a body, written once and read as often as is needed. Close it, or use it as a context.

    Hundreds of downloads and waiting documents are held at one time, and what is large would be held several times
    over on its way to a parser. The file has no name and is gone when it is closed, or the process is killed.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._file: BinaryIO = BytesIO()
        self._length = 0
        self.write(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._length

    def write(self, piece: bytes) -> None:
        """Append a piece. Raises FetchError where it finds no room on the disk."""
        try:
            if isinstance(self._file, BytesIO) and self._length + len(piece) > _IN_MEMORY:
                in_memory, self._file = self._file, _unnamed_file()
                self._put(in_memory.getbuffer())
            self._put(memoryview(piece))
        except OSError as error:
            raise FetchError(
                sentence(
                    "the temporary file for the document cannot be written: {why}."
                    " Make room in {folder}, or let TMPDIR name another directory",
                    why=error.strerror or str(error),
                    folder=tempfile.tempdir or "/tmp",  # noqa: S108 - where none can be written to
                )
            ) from error
        self._length += len(piece)

    def read(self) -> bytes:
        """Return all of it."""
        if isinstance(self._file, BytesIO):
            return self._file.getvalue()  # no copy
        return self._part(0, self._length)

    def pieces(self) -> Iterator[bytes]:
        """Return it piece by piece."""
        for start in range(0, self._length, _PIECE):
            yield self._part(start, _PIECE)

    def edges(self, most: int) -> tuple[bytes, bytes]:
        """Return the first and the last bytes of it, `most` of each."""
        return self._part(0, most), self._part(max(0, self._length - most), most)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _put(self, content: memoryview) -> None:
        # A file that has no buffer may take the first part only, of what a full disk does not take.
        while content:
            content = content[self._file.write(content) :]

    def _part(self, start: int, most: int) -> bytes:
        self._file.seek(start)
        return self._file.read(most)


def _unnamed_file() -> BinaryIO:
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with its body
    return cast("BinaryIO", file)
