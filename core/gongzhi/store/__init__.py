"""PostgreSQL (embedded or yours), units of work, migrations, files and keys, for every room of core."""

from gongzhi.store.bulk import change_rows, copy_rows, delete_rows, rewrite_rows
from gongzhi.store.engine import Jsonb, StoreEngine
from gongzhi.store.files import FileStore
from gongzhi.store.keys import KeyFolder
from gongzhi.store.store import Store
from gongzhi.store.subjects import Subject, SubjectVault
from gongzhi.store.unit_of_work import AUDITED, CHANNEL, RIGHTS, Row, RowChange, UnitOfWork

__all__ = [
    "AUDITED",
    "CHANNEL",
    "RIGHTS",
    "FileStore",
    "Jsonb",
    "KeyFolder",
    "Row",
    "RowChange",
    "Store",
    "StoreEngine",
    "Subject",
    "SubjectVault",
    "UnitOfWork",
    "change_rows",
    "copy_rows",
    "delete_rows",
    "rewrite_rows",
]
