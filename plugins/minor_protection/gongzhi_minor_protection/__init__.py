"""Mandatory reporting of harm to minors (强制报告): a scene of the Gongzhi platform.

`scene.json` and `workflow.json` say what it is; the modules here hold its pure rules and its intakes. The
host imports this package when the scene is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gongzhi.plugin import Document, Intake, Rule, Text, hookimpl

from . import cds, json_intake, rules
from .types import MinorProtectionCaseExtra


@hookimpl
def gongzhi_rules() -> Mapping[str, Rule]:
    """Rules by the name that `workflow.json` gives them."""
    return rules.RULES


@hookimpl
def gongzhi_intakes() -> Sequence[Intake]:
    """CDS Hooks 2.0 and plain JSON."""
    return [*cds.intakes(), *json_intake.intakes()]


@hookimpl
def gongzhi_documents() -> Sequence[Document]:
    """Legal documents that the workflow's letters and copies name."""
    return [
        _document("report_form", "侵害未成年人案件强制报告表", "Mandatory report form", "强报"),
        _document("report_notice", "强制报告分级抄告单", "Mandatory report, triage notice", None),
        _document("feedback_letter", "受案回执及反馈函", "Receipt and feedback", "强报馈"),
        _document("prosecution_notice", "移送审查起诉前告知函", "Notice before prosecution", "强报告"),
        _document("referral_form", "未成年被害人支持服务转介单", "Referral for support", "未检转"),
    ]


@hookimpl
def gongzhi_types() -> Mapping[str, type]:
    """Computed fields of the case."""
    return {"Case": MinorProtectionCaseExtra}


def _document(kind: str, zh: str, en: str, word: str | None) -> Document:
    """A document; `word` is its 文种代字 after the organ's own, None for one without a number of its own."""
    return Document(
        kind=kind,
        title=Text(zh=zh, en=en),
        template=f"documents/{kind}.typ",
        number=f"{{code}}{word}〔{{year}}〕{{n}}号" if word else None,
    )
