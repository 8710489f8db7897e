"""What must hold after any number of kills: the tables are exactly what the clients' writes make of an empty store."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from gongzhi.audit.tiles import unpack_entries
from gongzhi.errors import FileDamaged
from gongzhi.host import Host
from gongzhi.store import Store

from .load import Write

Row = Mapping[str, Any]

EVENTS: Mapping[tuple[str, str], str] = {
    ("report by JSON", ""): "report",
    ("report by GraphQL", ""): "report",
    ("prompt by CDS", ""): "prompt",
    ("accept", ""): "report",
    ("override", ""): "dismiss",
    ("sign", "mandatory_report"): "receive",
    ("sign", "support_request"): "accept_support",
    ("triage", ""): "triage",
    ("requestSupport", ""): "request_support",
    ("feedback", ""): "feedback",
    ("finishSupport", ""): "finish_support",
    ("close", ""): "close",
}
"""The event of a case that a write makes, by the write's kind and the letter that it signs for; a feedback letter that
is signed for makes none."""

LETTERS: Mapping[str, Mapping[tuple[str, bool], int]] = {
    "report": {("mandatory_report", False): 1, ("mandatory_report", True): 4},
    "request_support": {("support_request", False): 1},
    "feedback": {("feedback", False): 1, ("feedback", True): 1},
}
"""Letters by the event that sends them: kind, whether a copy, how many."""

ANSWERS = {"mandatory_report": "feedback", "support_request": "finish_support"}
ROLES = {"reporter", "police", "procuratorate", "health", "education", "civil_affairs"}
OPENING = ("report by JSON", "report by GraphQL", "prompt by CDS")


@dataclass
class Ledger:
    """What was found: `lost` and `doubled` name writes, `broken` whatever else does not agree."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def compare(self, what: str, expected: Counter[Any], found: Counter[Any]) -> None:
        """What is missing is lost, what is there too often is doubled."""
        self.lost += [f"lost: {what} {item} ×{count}" for item, count in (expected - found).items()]
        self.doubled += [f"doubled: {what} {item} ×{count}" for item, count in (found - expected).items()]

    def check(self, fine: bool, what: str) -> None:
        """Note what does not hold."""
        if not fine:
            self.broken.append(f"broken: {what}")


async def examine(host: Host, writes: Sequence[Write]) -> Ledger:
    """Compare every table with what the clients were told. The outbox is drained and nobody writes any more."""
    ledger = Ledger()
    tables = await _tables(host.store)
    letters = {str(row["id"]): row for row in tables["letter"]}
    done = [(write, EVENTS.get((write.kind, _kind_of(write, letters)))) for write in writes]
    for write in writes:
        ledger.check(write.acknowledged, f"{write.kind} {write.key} was never acknowledged")
    _keys(ledger, tables, writes)
    _cases(ledger, tables, done)
    _letters(ledger, tables, writes, letters)
    _clocks(ledger, tables)
    await _documents(ledger, host, tables)
    _log(ledger, tables, writes)
    ledger.counts |= {
        "cases": len(tables["cases"]),
        "events": len(tables["case_event"]),
        "letters": len(letters),
        "evidence": len(tables["evidence"]),
    }
    return ledger


def _kind_of(write: Write, letters: Mapping[str, Row]) -> str:
    return letters[write.letter]["kind"] if write.letter in letters else ""


def _keys(ledger: Ledger, tables: Mapping[str, list[Row]], writes: Sequence[Write]) -> None:
    """One stored result a write, for the case that the client was told."""
    stored = {row["key"]: row["result"]["case_id"] for row in tables["idempotency"] if not _demo(row["key"])}
    told = {write.key: str(write.case) for write in writes if write.key}
    made = Counter(case for key, case in stored.items() if key not in told)
    ledger.compare("key", Counter(told.items()), Counter(item for item in stored.items() if item[0] in told))
    ledger.compare("result", Counter(str(write.case) for write in writes if not write.key), made)


def _cases(ledger: Ledger, tables: Mapping[str, list[Row]], done: Iterable[tuple[Write, str | None]]) -> None:
    done = list(done)
    ledger.compare(
        "case",
        Counter(write.case for write, _ in done if write.kind in OPENING),
        Counter(row["id"] for row in tables["cases"]),
    )
    ledger.compare(
        "event",
        Counter((write.case, event) for write, event in done if event),
        Counter((row["case_id"], row["action"]) for row in tables["case_event"]),
    )
    numbers, roles = defaultdict(list), defaultdict(set)
    for row in tables["case_event"]:
        numbers[row["case_id"]].append(row["seq"])
    for row in tables["case_organ"]:
        roles[row["case_id"]].add(row["role"])
    events = _events(tables)
    for case in tables["cases"]:
        seen, version = sorted(numbers[case["id"]]), case["row_version"]
        ledger.check(
            seen == list(range(1, version + 1)), f"case {case['id']} version {version}, events {seen}"
        )
        expected = ROLES if "report" in events[case["id"]] else {"reporter"}
        expected = expected | ({"social_work"} if "request_support" in events[case["id"]] else set())
        ledger.check(
            roles[case["id"]] == expected, f"case {case['id']} has roles {sorted(roles[case['id']])}"
        )
        ledger.check(
            (case["sealed_at"] is not None) == ("close" in events[case["id"]]), f"case {case['id']} seal"
        )
    subjects = {case["subject_id"] for case in tables["cases"]}
    ledger.check(
        {row["subject_id"] for row in tables["subject_key"]} == subjects, "subject keys without case"
    )


def _letters(
    ledger: Ledger, tables: Mapping[str, list[Row]], writes: Sequence[Write], letters: Mapping[str, Row]
) -> None:
    """Each letter with its copies, and the evidence of each of its steps, once."""
    expected: Counter[Any] = Counter()
    for case, actions in _events(tables).items():
        for action in actions:
            for (kind, copy), count in LETTERS.get(action, {}).items():
                expected[case, kind, copy] += count
    found = Counter((row["case_id"], row["kind"], row["copy_of"] is not None) for row in letters.values())
    ledger.compare("letter", expected, found)

    signed = Counter(write.letter for write in writes if write.kind == "sign")
    answered = _events(tables)
    steps: Counter[Any] = Counter()
    for name, row in letters.items():
        steps[name, "accepted"], steps[name, "delivered"] = 1, 1
        steps[name, "signed"] = signed[name]
        answer = ANSWERS.get(row["kind"])
        steps[name, "replied"] = int(row["copy_of"] is None and answer in answered[row["case_id"]])
        last = max((s for s in STEPS if steps[name, s]), key=STEPS.index)
        ledger.check(row["state"] == last, f"letter {name} is {row['state']}, not {last}")
    ledger.compare(
        "evidence", +steps, Counter((str(row["letter_id"]), row["step"]) for row in tables["evidence"])
    )
    ledger.compare("message", Counter({"done": len(letters)}), Counter({"done": len(tables["inbox"])}))
    _numbers(ledger, tables)


STEPS = ("accepted", "delivered", "signed", "replied")


def _numbers(ledger: Ledger, tables: Mapping[str, list[Row]]) -> None:
    """Document numbers run without a gap: an act that was rolled back used none."""
    given: Counter[Any] = Counter()
    seen: set[str] = set()
    for row in tables["letter"]:
        if row["number"] is not None and row["copy_of"] is None:
            given[row["from_organ"]] += 1
            ledger.check(row["number"] not in seen, f"document number {row['number']} twice")
            seen.add(row["number"])
    last: Counter[Any] = Counter()
    for row in tables["document_number"]:
        last[row["organ_id"]] += row["last"]
    ledger.check(given == last, f"document numbers have gaps: {given.total()} given, {last.total()} counted")


def _clocks(ledger: Ledger, tables: Mapping[str, list[Row]]) -> None:
    """A clock for each act that starts one, and one promise for each clock; nothing else is promised any more."""
    expected: Counter[Any] = Counter()
    for case, actions in _events(tables).items():
        if "prompt" in actions:
            expected[case, "prompt_expiry", "cancelled" if len(actions) > 1 else "running"] += 1
        if "triage" in actions:
            expected[case, "feedback", "met" if "feedback" in actions else "running"] += 1
    found = Counter((row["case_id"], row["kind"], row["state"]) for row in tables["deadline"])
    ledger.compare("clock", expected, found)
    promised = Counter(row["payload"].get("deadline", row["topic"]) for row in tables["outbox"])
    ledger.check(
        promised == Counter(str(row["id"]) for row in tables["deadline"]), "outbox is not the clocks'"
    )
    ledger.check(not any(row["dead"] for row in tables["outbox"]), "a message is dead")
    ledger.check(not tables["notice"], "somebody was reminded")


async def _documents(ledger: Ledger, host: Host, tables: Mapping[str, list[Row]]) -> None:
    """Every letter's document is there and whole. Files that no letter names are counted, not blamed: a kill between
    a file and its row leaves one, sealed under the case's key."""
    named = {row["document_sha256"] for row in tables["letter"]} - {None}
    ledger.check(all(row["document_sha256"] for row in tables["letter"]), "a letter has no document")
    for digest in named:
        try:
            await host.store.files.get(digest)
        except FileDamaged as fault:
            ledger.check(False, str(fault))
    files = await asyncio.to_thread(_files, host.store.files.folder)
    ledger.counts["files that no letter names"] = len(files - {digest.hex() for digest in named})


def _files(folder: Path) -> set[str]:
    return {path.parent.name + path.name for path in folder.rglob("*") if path.is_file()}


def _log(ledger: Ledger, tables: Mapping[str, list[Row]], writes: Sequence[Write]) -> None:
    """One leaf a write that was done, one a letter that was delivered; none for anything refused."""
    entries = [
        orjson.loads(entry)
        for row in sorted(tables["audit_bundle"], key=lambda row: (row["index"], row["first"]))
        for entry in unpack_entries(row["entries"], where="audit_bundle")
    ]
    acts = {EVENTS.get((write.kind, "")) or "sign" for write in writes} | {"deliver_letter"}
    expected = Counter(EVENTS.get((write.kind, "")) or "sign" for write in writes)
    expected["deliver_letter"] = len(tables["letter"])
    found = Counter(
        entry["action"] for entry in entries if entry["action"] in acts and entry["outcome"] == "done"
    )
    ledger.compare("leaf", expected, found)
    refused = Counter(entry["code"] for entry in entries if entry["outcome"] in ("refused", "fault"))
    ledger.check(not refused, f"refusals in the log: {dict(refused)}")
    ledger.counts["leaves"] = len(entries)


def _events(tables: Mapping[str, list[Row]]) -> Mapping[UUID, list[str]]:
    events: dict[UUID, list[str]] = defaultdict(list)
    for row in tables["case_event"]:
        events[row["case_id"]].append(row["action"])
    return events


def _demo(key: str) -> bool:
    return key.startswith("demo-")


async def _tables(store: Store) -> dict[str, list[Row]]:
    names = (
        "cases case_event case_organ letter evidence deadline notice outbox inbox idempotency document_number"
        " subject_key audit_bundle"
    )
    async with store.unit_of_work() as uow:
        await uow.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return {name: list(await uow.fetch(f"SELECT * FROM {name}")) for name in names.split()}
