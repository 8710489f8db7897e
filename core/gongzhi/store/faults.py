"""Turns what PostgreSQL and the operating system raise into store faults. Only the store imports this."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from gongzhi.declarations import Text
from gongzhi.errors import HomeNotWritable, NoSpace, StoreFault, StoreUnavailable

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # what asyncpg says when the server hung up between two statements
)
_NO_WAY_IN = (
    *_GONE,
    OSError,
    TimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


@contextmanager
def store_faults(home: Path) -> Iterator[None]:
    """Within a transaction: a lost server or a full disk becomes a store fault, anything else passes."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise no_space(home) from error
    except _GONE as error:
        if "No space left on device" in str(error):
            raise no_space(home) from error
        raise unavailable(home, error) from error
    except asyncpg.InterfaceError as error:
        # asyncpg takes a lost connection out of the hands of whoever uses it.
        if "closed" not in str(error) and "released back to the pool" not in str(error):
            raise
        raise unavailable(home, error) from error


@contextmanager
def connection_faults(home: Path) -> Iterator[None]:
    """While connecting: every reason not to get in becomes `StoreUnavailable`."""
    try:
        yield
    except _NO_WAY_IN as error:
        raise unavailable(home, error) from error
    except (ValueError, asyncpg.ClientConfigurationError):
        # Their words quote the URL, where a password may stand; so does what they would be raised from.
        problem = Text(
            zh="数据库地址不是有效的 PostgreSQL URL", en="the database URL is not a PostgreSQL URL"
        )
        raise StoreUnavailable(home=home, problem=problem) from None


@contextmanager
def folder_faults(home: Path, *, needed_mb: int = 1) -> Iterator[None]:
    """While writing below the home: a full disk or a missing permission becomes a store fault."""
    try:
        yield
    except OSError as error:
        raise folder_fault(home, error, needed_mb=needed_mb) from error


def folder_fault(home: Path, error: OSError, *, needed_mb: int = 1) -> StoreFault:
    """The store's name for an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(home, needed_mb=needed_mb)
    return HomeNotWritable(home=home, problem=error.strerror or type(error).__name__)


def no_space(home: Path, *, needed_mb: int = 1) -> NoSpace:
    """The fault for a full disk, with the figures of the disk that holds `home`."""
    return NoSpace(home=home, needed_mb=needed_mb, free_mb=free_mb(home))


def free_mb(home: Path) -> int:
    """Free megabytes where `home` is, or will be."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    return shutil.disk_usage(place).free // 1_000_000


def unavailable(home: Path, error: BaseException) -> StoreUnavailable:
    """The fault for a database that can't be reached, in the database's own words."""
    words = str(error).strip() or type(error).__name__
    return StoreUnavailable(home=home, problem=Text(zh=words, en=words))
