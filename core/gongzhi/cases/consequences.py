"""What follows from an act by its workflow: organs brought in, clocks, letters. No decision is taken here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

from gongzhi.cases.delivery import content_of
from gongzhi.cases.records import CaseRecord, Involvement
from gongzhi.cases.scope import Scope
from gongzhi.clock import HolidayCalendar, Term, due, ledger
from gongzhi.errors import NoSuchThing, RolesUnbound
from gongzhi.messaging import letters
from gongzhi.messaging.outbox import promise
from gongzhi.scenes.workflow import LetterSpec
from gongzhi.store import KeyFolder, UnitOfWork

DUE = "deadline.due"


async def involve(uow: UnitOfWork, scope: Scope, case_id: UUID) -> dict[str, Involvement]:
    """Every role of the case with its organ after the act: those that it brings in, without those that it ends."""
    spec = scope.spec
    organs = {i.role: i for i in scope.case.organs if i.role not in spec.ends} if scope.case else {}
    if spec.ends:
        await _end(uow, scope, case_id)
    wanted = [*spec.involves]
    for letter in spec.letters:
        wanted += [letter.to, *(copy.to for copy in letter.copies)]
    fresh: list[Involvement] = []
    if scope.case is None and scope.role != "platform":
        mine = Involvement(organ_id=scope.actor.organ.id, role=scope.role, department="")
        organs[scope.role] = mine
        fresh.append(mine)
    bindings = scope.enablement.bindings if scope.enablement else {}
    missing = [role for role in dict.fromkeys(wanted) if role not in organs and role not in bindings]
    if missing:
        raise RolesUnbound(
            where="/roles", scene=scope.scene.id, region=scope.region, roles=", ".join(missing)
        )
    for role in dict.fromkeys(wanted):
        if role not in organs:
            binding = bindings[role]
            department = binding.department or scope.scene.manifest.roles[role].department
            organs[role] = Involvement(organ_id=binding.organ_id, role=role, department=department)
            fresh.append(organs[role])
    if fresh:
        await uow.insert(
            "case_organ",
            *(
                {
                    "id": uuid4(),
                    "case_id": case_id,
                    "organ_id": i.organ_id,
                    "role": i.role,
                    "department": i.department,
                    "since": scope.now,
                }
                for i in fresh
            ),
        )
    return organs


async def _end(uow: UnitOfWork, scope: Scope, case_id: UUID) -> None:
    """End the part of roles in the case: their organs no longer know of it."""
    rows = await uow.fetch(
        "SELECT * FROM case_organ WHERE case_id = $1 AND role = ANY($2) AND until IS NULL FOR UPDATE",
        case_id,
        list(scope.spec.ends),
    )
    for row in rows:
        await uow.update("case_organ", row, until=scope.now)


async def run_clocks(
    uow: UnitOfWork, scope: Scope, case_id: UUID, organs: Mapping[str, Involvement], calendar: HolidayCalendar
) -> None:
    """Stop and start the clocks that the workflow ties to the action, and promise a look when each runs out."""
    spec, now = scope.spec, scope.now
    if scope.case is not None:
        if spec.closes:
            await ledger.cancel_all(uow, case_id)
        await ledger.meet(uow, case_id, spec.meets, now=now)
        await ledger.cancel(uow, case_id, spec.cancels)
    starts = []
    for kind in spec.starts:
        clock = scope.scene.workflow.deadlines[kind]
        organ = organs.get(clock.on)
        starts.append(
            ledger.Start(
                kind=kind,
                organ_id=organ.organ_id if organ else None,
                role=clock.on,
                due=due(_term(scope, kind), now, calendar),
            )
        )
    for row in await ledger.start(uow, case_id, starts, now=now):
        await promise(uow, DUE, [{"deadline": str(row["id"])}], now=now, at=row["due_at"])


async def settle_letters(uow: UnitOfWork, scope: Scope, case_id: UUID, keys: KeyFolder) -> None:
    """Withdraw, sign for and answer the letters that the action settles, and withdraw those that it replaces.

    Where an action signs for a kind of letter there is one to sign for, so a newer one takes the place of the older.
    """
    spec, actor = scope.spec, scope.actor
    if spec.withdraws is not None:
        await _withdraw(uow, keys, scope, case_id, spec.withdraws, ("accepted", "delivered", "signed"))
    for kind, step in ((spec.signs, letters.sign_for), (spec.answers, letters.mark_answered)):
        if kind is not None:
            received = await letters.addressed_to(uow, case_id, kind, actor.organ.id, scope.role)
            if received is None:
                raise NoSuchThing(where=f"/letter/{kind}")
            await step(uow, keys, received, now=scope.now, actor_id=actor.account_id)
    signed_by_action = {other.signs for other in scope.scene.workflow.actions.values()}
    for letter in spec.letters:
        if scope.case is not None and letter.kind in signed_by_action:
            await _withdraw(uow, keys, scope, case_id, letter.kind, ("accepted", "delivered"))


async def send_letters(
    uow: UnitOfWork,
    scope: Scope,
    case: CaseRecord,
    organs: Mapping[str, Involvement],
    *,
    keys: KeyFolder,
    calendar: HolidayCalendar,
) -> list[UUID]:
    """Send the letters that the workflow ties to the action; `case` is the case after it. Returns their ids."""
    outgoing = [_letter(scope, case, organs, letter, calendar) for letter in scope.spec.letters]
    return await letters.send(uow, keys, outgoing, now=scope.now, actor_id=scope.actor.account_id)


def _letter(
    scope: Scope,
    case: CaseRecord,
    organs: Mapping[str, Involvement],
    letter: LetterSpec,
    calendar: HolidayCalendar,
) -> letters.Dispatchable:
    reply_by = due(_term(scope, letter.answer_by), scope.now, calendar).due_at if letter.answer_by else None
    tells = {letter.document, *(copy.document for copy in letter.copies)} != {None}
    return letters.Dispatchable(
        case_id=case.id,
        kind=letter.kind,
        title=letter.title.text,
        from_organ=organs[letter.sender].organ_id if letter.sender else scope.actor.organ.id,
        from_role=letter.sender or scope.role,
        content=content_of(case) if tells else None,
        to=_addressee(organs[letter.to], letter.basis),
        copies=[_addressee(organs[copy.to], copy.basis) for copy in letter.copies],
        reply_by=reply_by,
    )


async def _withdraw(
    uow: UnitOfWork, keys: KeyFolder, scope: Scope, case_id: UUID, kind: str, states: Sequence[str]
) -> None:
    await letters.withdraw(
        uow,
        keys,
        case_id,
        kind,
        sender=scope.actor.organ.id,
        states=states,
        now=scope.now,
        actor_id=scope.actor.account_id,
    )


def _term(scope: Scope, kind: str) -> Term:
    clock = scope.scene.workflow.deadlines[kind]
    amount = clock.amount
    if clock.amount_from and scope.enablement:
        amount = int(scope.enablement.values[clock.amount_from])
    return Term(amount=amount, unit=clock.unit, article=clock.article.text, source=clock.source)


def _addressee(organ: Involvement, basis: str) -> letters.Addressee:
    return letters.Addressee(
        organ_id=organ.organ_id, department=organ.department, role=organ.role, basis=basis
    )
