"""The home folder: made on first use, private to its owner."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from gongzhi.store.faults import folder_faults


def prepare_home(home: Path) -> Path:
    """Make the home folder if it isn't there (mode 0700), prove that it can be written, answer its full path.

    Raises:
        HomeNotWritable: the folder can't be made or written.
        NoSpace: the disk is full.
    """
    home = home.expanduser().absolute()
    with folder_faults(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=home) as probe:
            probe.write(b"gongzhi")
    return home
