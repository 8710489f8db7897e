"""Writing that survives a power cut: a file is there whole, or not at all. Only the store imports this."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp

PART = ".part-"
"""What the name of a file begins with while it is being written."""


def write_durably(path: Path, content: bytes) -> None:
    """Put a file (mode 0600) in place whole, and on the disk before this returns; an old one is replaced."""
    descriptor, part = mkstemp(dir=path.parent, prefix=PART)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).rename(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's names durable: a file that was renamed into it stays after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
