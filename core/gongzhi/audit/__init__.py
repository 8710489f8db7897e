"""What happened: the audit log, a C2SP tlog-tiles transparency log that anybody can verify.

Rooms append leaves (`Leaf`, `AuditLog`); the `Sequencer` orders and signs them; `verify`, `proof` and `scan`
show that nothing changed since. Not here: who may act (`gongzhi.identity`), when to write a leaf (dispatch).
HTTP is in `gongzhi.audit.http`, the command line in `gongzhi.audit.cli`; import those by name.
"""

from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.audit.sequencer import Sequencer

__all__ = ["AuditLog", "Leaf", "Sequencer"]
