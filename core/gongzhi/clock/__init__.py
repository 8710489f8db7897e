"""Until when: legal deadlines, working days and the clocks that tell the time.

`due` is pure: a term and a start go in, a due date with its explanation comes out. Every rule that it
follows has a number in `gongzhi.clock.rules` and an entry in `docs/reference/legal-clock.md`. Not here: which
deadline starts when (the scene's workflow), and what happens when one runs out (`gongzhi.cases`,
`gongzhi.messaging`).
"""

from gongzhi.clock.calendar import Day, HolidayCalendar
from gongzhi.clock.deadline import DueDate, Step, Term
from gongzhi.clock.due import due
from gongzhi.clock.instant import Clock, SystemClock, VirtualClock
from gongzhi.clock.rules import LEGAL_ZONE, RULES, CountingRule

__all__ = [
    "LEGAL_ZONE",
    "RULES",
    "Clock",
    "CountingRule",
    "Day",
    "DueDate",
    "HolidayCalendar",
    "Step",
    "SystemClock",
    "Term",
    "VirtualClock",
    "due",
]
