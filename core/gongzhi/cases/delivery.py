"""What a letter says: the case as it was when the letter was sent, and from it the document for each addressee.

Both are sealed under the case's subject key, so that erasing the key takes them along.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import orjson

from gongzhi.cases.documents import render
from gongzhi.cases.masking import Sight, masked_view
from gongzhi.cases.records import CaseRecord
from gongzhi.cases.shaping import HIDDEN, Names
from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import Json
from gongzhi.scenes.loading import LoadedScene
from gongzhi.settings import Settings
from gongzhi.store import Store, Subject, UnitOfWork


def content_of(case: CaseRecord) -> bytes:
    """What a letter sent now says of the case, sealed where anything personal is in it.

    Delivery comes later, and by then the case may have gone on: a letter must not.
    """
    return case.subject.seal(case.data) if case.subject else orjson.dumps(case.data)


async def document_for(
    uow: UnitOfWork,
    store: Store,
    settings: Settings,
    scene: LoadedScene,
    case: CaseRecord,
    letter: Mapping[str, Any],
) -> bytes | None:
    """SHA-256 of the stored PDF; None for a letter without a document, and where what it said is erased."""
    kind = _document_kind(scene, letter)
    original = letter["copy_of"] or letter["id"]
    content = await uow.fetchval("SELECT content FROM letter WHERE id = $1", original)
    said = None if content is None else _content(case.subject, content)
    if kind is None or said is None:
        return None
    template = scene.folder / scene.documents[kind].template
    values = await _values(uow, scene, said, letter)
    pdf = await asyncio.to_thread(render, template, values, settings.font_paths)
    blob = case.subject.seal(base64.b64encode(pdf).decode()) if case.subject else pdf
    return await store.files.put(blob)


def open_document(case: CaseRecord, blob: bytes) -> bytes | None:
    """The PDF in a stored file, or None when the subject's key is erased."""
    if blob.startswith(b"%PDF"):
        return blob
    return base64.b64decode(case.subject.unseal(blob)) if case.subject else None


def _content(subject: Subject | None, content: bytes) -> Mapping[str, Json] | None:
    said: Mapping[str, Json] | None = None
    if content.startswith(b"{"):
        said = orjson.loads(content)
    elif subject is not None:
        said = subject.unseal(content)
    return said


def _document_kind(scene: LoadedScene, letter: Mapping[str, Any]) -> str | None:
    """The document of a letter; a copy may have one of its own."""
    spec = scene.workflow.letters.get(letter["kind"])
    if spec is None or letter["copy_of"] is None:
        return spec.document if spec else None
    own = next((copy.document for copy in spec.copies if copy.to == letter["role"]), None)
    return own or spec.document


async def _values(
    uow: UnitOfWork, scene: LoadedScene, said: Mapping[str, Json], letter: Mapping[str, Any]
) -> dict[str, Json]:
    copies = await uow.fetch(
        "SELECT l.role, l.to_organ FROM letter l JOIN organ o ON o.id = l.to_organ WHERE l.copy_of = $1 ORDER BY o.name",
        letter["copy_of"] or letter["id"],
    )
    names = await Names.load(
        uow, [letter["from_organ"], letter["to_organ"], *(row["to_organ"] for row in copies)]
    )
    reads = scene.manifest.roles[letter["role"]].reads
    # Whole: who opens it is asked for a reason then, where the role's people have to give one.
    sight = Sight(role=letter["role"], reads=reads, at_once=reads)
    view = masked_view(scene.case_schema, said, sight, minor=scene.manifest.minor)
    sender = names.playing(letter["from_role"], letter["from_organ"], scene, {letter["role"]})
    return {
        "letter": {
            "number": "" if sender is HIDDEN else letter["number"] or "",
            "title": letter["title"]["zh"],
            "from": sender.name.zh,
            "to": names.of(letter["to_organ"]).name.zh,
            "department": letter["to_department"],
            "basis": letter["basis"],
            "is_copy": letter["copy_of"] is not None,
            "copies": [
                names.playing(row["role"], row["to_organ"], scene, {letter["role"]}).name.zh for row in copies
            ],
            "date": letter["accepted_at"].astimezone(LEGAL_ZONE).strftime("%Y年%-m月%-d日"),
        },
        "case": view.data,
        "masked": list(view.masked),
    }
