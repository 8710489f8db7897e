"""The CDS Hooks 2.0 card that puts a match to a clinician. Pure.

A card names law, situation and signs; never the patient, who is on the clinician's screen already. Its uuid
is the case's id, so that the feedback finds the case without anything being kept in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from gongzhi.plugin import Json, Language

from .articles import OPINION, OPINION_URL, SITUATIONS
from .labels import choices
from .situations import Match
from .texts import say

SUMMARY_CHARACTERS = 139
"""CDS Hooks 2.0: a summary is shorter than 140 characters."""

REASON_SYSTEM = "urn:gongzhi:minor-protection:dismissal-reason"
CRITICAL = frozenset(
    {"GENITAL_INJURY", "GIRL_UNDER_14", "GIRL_14_AND_OVER", "ABNORMAL_CAUSE", "UNKNOWN_ORIGIN"}
)


def suggestion_id(case_id: UUID) -> str:
    """The uuid of the card's one suggestion, derived from the case's."""
    return str(uuid5(case_id, "report"))


def report_card(case_id: UUID, matches: Sequence[Match], *, base_url: str, language: Language) -> Json:
    """The card of a prompted case: summary, detail, source, one suggestion, reasons to override, a link."""
    urgent = any(match.situation in CRITICAL for match in matches)
    return {
        "uuid": str(case_id),
        "summary": _summary(matches, language),
        "detail": _detail(matches, language),
        "indicator": "critical" if urgent else "warning",
        "source": _source(language),
        "suggestions": [
            {
                "label": say(language, "card.suggestion"),
                "uuid": suggestion_id(case_id),
                "isRecommended": True,
            }
        ],
        "selectionBehavior": "at-most-one",
        "overrideReasons": [
            {"code": code, "system": REASON_SYSTEM, "display": en if language == "en" else zh}
            for code, zh, en in choices("dismissal_reason")
        ],
        "links": [_link(case_id, base_url, language)],
    }


def reported_card(case_id: UUID, *, base_url: str, language: Language) -> Json:
    """A quiet card for a record whose report is already with the police; there is nothing to decide."""
    return {
        "uuid": str(case_id),
        "summary": say(language, "card.reported"),
        "indicator": "info",
        "source": _source(language),
        "links": [_link(case_id, base_url, language)],
    }


def expired_card(case_id: UUID, matches: Sequence[Match], *, base_url: str, language: Language) -> Json:
    """A card for a record whose prompt ran out unanswered: nobody has decided, so the form is one click away."""
    return {
        "uuid": str(case_id),
        "summary": say(language, "card.expired"),
        "detail": _detail(matches, language),
        "indicator": "warning",
        "source": _source(language),
        "links": [
            {
                "label": say(language, "card.link"),
                "url": f"{base_url}/console/new/minor_protection/report",
                "type": "absolute",
            }
        ],
    }


def by_telephone_card(language: Language) -> Json:
    """The card where no report can be sent from here, since the competent county does not take any: the duty stays."""
    return {
        "summary": say(language, "card.by_telephone"),
        "detail": say(language, "card.detail.by_telephone"),
        "indicator": "critical",
        "source": _source(language),
    }


def _summary(matches: Sequence[Match], language: Language) -> str:
    met = [SITUATIONS[match.situation] for match in matches]
    text = say(
        language,
        "card.summary",
        numerals="".join(one.numeral if language == "zh" else f"({one.number})" for one in met),
        short=met[0].short[language],
    )
    return text if len(text) <= SUMMARY_CHARACTERS else text[: SUMMARY_CHARACTERS - 1] + "…"


def _detail(matches: Sequence[Match], language: Language) -> str:
    """GitHub-flavoured markdown, a paragraph each for situation, signs, law and care."""
    parts: list[str] = []
    for match in matches:
        one = SITUATIONS[match.situation]
        numeral = one.numeral if language == "zh" else str(one.number)
        parts.append(say(language, "card.detail.situation", numeral=numeral, quote=one.quote[language]))
    signs = dict.fromkeys(sign.label[language] for match in matches for sign in match.signs)
    separator = say(language, "list.separator")
    parts.append(say(language, "card.detail.signs", signs=separator.join(_escaped(s) for s in signs)))
    if _unexplained(matches):
        parts.append(say(language, "card.detail.unexplained"))
    parts.append(say(language, "card.detail.law", opinion=OPINION[language]))
    parts.append(say(language, "card.detail.care"))
    return "\n\n".join(parts)


def _unexplained(matches: Sequence[Match]) -> bool:
    """Whether several injuries alone, with no accident recorded, made the match."""
    return any(
        match.situation == "SEVERAL_INJURIES"
        and all(sign.means <= {"injury", "multiple_injuries", "genital_injury"} for sign in match.signs)
        for match in matches
    )


def _escaped(text: str) -> str:
    """Codes come from outside: nothing in them may become markdown or HTML."""
    return "".join("\\" + c if c in "\\`*_{}[]()#+!|<>&~" else c for c in text)


def _source(language: Language) -> Json:
    return {"label": say(language, "card.source"), "url": OPINION_URL}


def _link(case_id: UUID, base_url: str, language: Language) -> Json:
    url = f"{base_url}/console/cases/{case_id}"
    return {"label": say(language, "card.link"), "url": url, "type": "absolute"}
