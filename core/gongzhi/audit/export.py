"""Writes the log as a folder of static files that any tlog-tiles reader understands, Go's included."""

from __future__ import annotations

from pathlib import Path

from gongzhi.audit.faults import bad_argument
from gongzhi.audit.notes import PublicKey, open_checkpoint
from gongzhi.audit.sources import Source
from gongzhi.audit.tiles import tiles_of


async def export_log(source: Source, key: PublicKey, folder: Path) -> int:
    """Copy a source into `folder`, checkpoint last; answers the log's size.

    A folder that holds an earlier export is continued: full tiles never change and are not written again.
    """
    note = await source.checkpoint()
    size = open_checkpoint(note, key).size
    for tile in tiles_of(size):
        file = folder / tile.path
        if not file.exists():
            _write(file, await source.read(tile))
    _write(folder / "checkpoint", note)
    return size


def _write(file: Path, content: bytes) -> None:
    """Put a file in place whole or not at all. Raises `InvalidArgument` where the folder doesn't take it."""
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise bad_argument(
            "folder", zh=f"不能写入 {file}（{said}）", en=f"can't write {file} ({said})"
        ) from error
