"""What one operation may put into its reply. A document says little about it, since each list multiplies what is below.

Counted are objects and their fields, the items of lists, what JSON scalars hold, and each read of the store as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import Executor


class Budgeted(Executor[None]):
    """Executes an operation until its context's budget is spent; each object, list and scalar from then on is refused."""

    def execute_fields(
        self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: None
    ) -> Any:
        # The whole schema of many scenes must fit, and its fields cost least of all.
        self.context_value.spend(1 if parent_type.name.startswith("__") else 1 + len(grouped_field_set))
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)

    def complete_iterable_value(
        self,
        item_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        items: Any,
        position_context: None,
    ) -> Any:
        if isinstance(items, Sequence) and not info.parent_type.name.startswith("__"):
            self.context_value.spend(len(items))
        return super().complete_iterable_value(
            item_type, field_details_list, info, path, items, position_context
        )

    def complete_leaf_value(self, return_type: Any, result: Any) -> Any:  # type: ignore[override]
        if isinstance(result, (dict, list)):
            self.context_value.spend(_held(result))
        return super().complete_leaf_value(return_type, result)


def _held(value: Any) -> int:
    """How many values a JSON value holds, itself among them."""
    count, waiting = 0, [value]
    while waiting:
        inner = waiting.pop()
        count += 1
        if isinstance(inner, dict):
            waiting += inner.values()
        elif isinstance(inner, (list, tuple)):
            waiting += inner
    return count
