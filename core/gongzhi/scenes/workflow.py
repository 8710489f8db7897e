"""A scene's `workflow.json`, compiled to python-statemachine; it alone decides states, letters and clocks.

A step is a pure function of (active states, action, guard values), so its results are remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Literal

import msgspec
from statemachine.exceptions import TransitionNotAllowed
from statemachine.io import create_machine_class_from_definition
from statemachine.orderedset import OrderedSet

from gongzhi.declarations import Text
from gongzhi.errors import GuardFailed, WrongState
from gongzhi.scenes.manifest import ManifestError, TitleStruct

NEW = "new_case"
"""The state a case is in before it exists: the source of every transition whose `from` is null."""


@dataclass(frozen=True, kw_only=True)
class StateView:
    """An active leaf state. `track` names the parallel track it belongs to, where the case has tracks."""

    id: str
    title: Text
    track: Text | None


class Copy(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A copy (抄送) of a letter to a role, with the basis on which it is sent, and a document of its own if it has one."""

    to: str
    basis: str
    document: str | None = None


class LetterSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A letter that an action sends, from the acting organ (or the role `sender`) to the organ of role `to`."""

    kind: str
    to: str
    title: TitleStruct
    basis: str
    sender: str | None = None
    document: str | None = None
    answer_by: str | None = None
    copies: list[Copy] = []


class TransitionSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`from` null opens a case; without `to` the states stay as they are; `guard` names a value of the rule."""

    source: str | None = msgspec.field(name="from")
    to: str | None = None
    guard: str | None = None


class ActionSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    title: TitleStruct
    by: list[str]
    transitions: list[TransitionSpec]
    input: str | None = None
    opens_case: bool = False
    rule: str | None = None
    facts: list[str] = []
    involves: list[str] = []
    ends: list[str] = []
    letters: list[LetterSpec] = []
    signs: str | None = None
    answers: str | None = None
    withdraws: str | None = None
    starts: list[str] = []
    meets: list[str] = []
    cancels: list[str] = []
    erases_personal: bool = False
    seals: bool = False
    closes: bool = False


class DeadlineSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A legal clock. `amount` may name a configuration field by `amount_from`; `source` says where the figure is from."""

    title: TitleStruct
    unit: Literal["hour", "natural_day", "working_day", "month", "year"]
    article: TitleStruct
    source: str
    on: str
    amount: int = 0
    amount_from: str | None = None
    remind: list[str] = []
    on_overdue: str | None = None


class StateSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`supervised` false: while a case is in this state only the organs involved may know of it."""

    title: TitleStruct
    final: bool = False
    initial: str | None = None
    supervised: bool = True
    states: dict[str, StateSpec] = {}
    parallel: dict[str, StateSpec] = {}


class WorkflowFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    states: dict[str, StateSpec]
    actions: dict[str, ActionSpec]
    automatic: dict[str, ActionSpec] = {}
    deadlines: dict[str, DeadlineSpec] = {}
    schema: str = msgspec.field(default="", name="$schema")


class Workflow:
    """A compiled workflow. `actions` holds the automatic ones too; state ids are unique over the whole chart."""

    def __init__(self, scene: str, file: WorkflowFile) -> None:
        self.scene = scene
        self.file = file
        self.actions: dict[str, ActionSpec] = {**file.actions, **file.automatic}
        self.deadlines = file.deadlines
        self.letters = {letter.kind: letter for spec in self.actions.values() for letter in spec.letters}
        self._parents: dict[str, str | None] = {}
        self._titles: dict[str, Text] = {}
        self._leaves: list[str] = []
        self.unsupervised: frozenset[str] = frozenset()
        for name, state, parent in _walk(file.states, None):
            if name in self._parents or name == NEW:
                raise ManifestError(f"workflow.json: state {name!r} stands twice")
            self._parents[name] = parent
            self._titles[name] = state.title.text
            if not state.states and not state.parallel:
                self._leaves.append(name)
            elif not state.supervised:
                raise ManifestError(
                    f"workflow.json: state {name!r} has states below it; withhold these instead"
                )
            if not state.supervised:
                self.unsupervised |= {name}
        self._check()
        self._machine = self._compile()
        self._step = lru_cache(maxsize=4096)(self._run)

    @classmethod
    def read(cls, scene: str, text: bytes) -> Workflow:
        """Parse and compile. Raises `ManifestError` with the reason."""
        try:
            file = msgspec.json.decode(text, type=WorkflowFile)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ManifestError(f"workflow.json: {error}") from error
        return cls(scene, file)

    def next_state(self, state: frozenset[str], action: str, guards: Mapping[str, bool]) -> tuple[str, ...]:
        """The active leaf states after `action`; `state` empty means that the case does not exist yet.

        Raises `WrongState` when no transition leaves an active state, `GuardFailed` when its guard is not met.
        """
        spec = self.actions[action]
        source = state or frozenset({NEW})
        active = source | {a for leaf in source if leaf != NEW for a in self._ancestors(leaf)}
        open_transitions = [t for t in spec.transitions if (t.source or NEW) in active]
        if not open_transitions:
            raise WrongState(
                where=f"/{action}",
                state_zh="、".join(self._titles[s].zh for s in sorted(state)) or "未立案",
                state_en=", ".join(self._titles[s].en for s in sorted(state)) or "no case yet",
                action_zh=spec.title.zh,
                action_en=spec.title.en,
            )
        met = frozenset(t.guard for t in spec.transitions if t.guard and guards.get(t.guard) is True)
        passing = [t for t in open_transitions if t.guard is None or t.guard in met]
        if not passing:
            missing = open_transitions[0].guard
            raise GuardFailed(
                where=f"/{action}", guard=missing, action_zh=spec.title.zh, action_en=spec.title.en
            )
        if passing[0].to is None:
            return tuple(sorted(state))
        return self._step(active, action, met)

    def possible(self, state: frozenset[str]) -> list[str]:
        """Actions (not automatic ones) that have a transition from these states, guards left aside."""
        active = state | {a for leaf in state for a in self._ancestors(leaf)}
        return [
            name
            for name, spec in self.file.actions.items()
            if any(t.source in active for t in spec.transitions if t.source)
        ]

    def state_view(self, leaf: str) -> StateView:
        """A leaf state as shown; the track is the child of a parallel state that it lies in."""
        lineage = [leaf, *self._ancestors(leaf)]
        tracks = {t for _, s, _ in _walk(self.file.states, None) for t in s.parallel}
        track = next((self._titles[s] for s in lineage if s in tracks), None)
        title = self._titles.get(leaf, Text(zh=leaf, en=leaf))
        return StateView(id=leaf, title=title, track=track)

    def _ancestors(self, name: str) -> Iterator[str]:
        parent = self._parents.get(name)
        while parent is not None:
            yield parent
            parent = self._parents[parent]

    def _check(self) -> None:
        for name, spec in self.actions.items():
            for transition in spec.transitions:
                for state in (transition.source, transition.to):
                    if state is not None and state not in self._parents:
                        raise ManifestError(f"workflow.json: action {name!r} names no state {state!r}")
            for deadline in (*spec.starts, *spec.meets, *spec.cancels):
                if deadline not in self.deadlines:
                    raise ManifestError(f"workflow.json: action {name!r} names no deadline {deadline!r}")
            for letter in (spec.signs, spec.answers, spec.withdraws):
                if letter is not None and letter not in self.letters:
                    raise ManifestError(f"workflow.json: action {name!r} names no letter {letter!r}")
        for name, deadline_spec in self.deadlines.items():
            if deadline_spec.on_overdue and deadline_spec.on_overdue not in self.file.automatic:
                raise ManifestError(f"workflow.json: deadline {name!r} names no automatic action")

    def _compile(self) -> Any:
        events: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for name, spec in self.actions.items():
            for t in spec.transitions:
                if t.to is None:
                    continue
                transition = {"target": t.to, "cond": f"guard_{t.guard}" if t.guard else None}
                events.setdefault(t.source or NEW, {}).setdefault(f"act_{name}", []).append(transition)

        def build(states: Mapping[str, StateSpec], initial: str | None, all_initial: bool) -> dict[str, Any]:
            return {
                name: {
                    "name": state.title.en,
                    "initial": all_initial is False and name == initial,
                    "final": state.final,
                    "parallel": bool(state.parallel),
                    "on": events.get(name, {}),
                    **_children(state, build),
                }
                for name, state in states.items()
            }

        states = build(self.file.states, None, False)
        states[NEW] = {"name": "New", "initial": True, "on": events.get(NEW, {})}
        try:
            return create_machine_class_from_definition(
                f"{self.scene}_workflow",
                states,
                validate_disconnected_states=False,
                validate_trap_states=False,
                validate_final_reachability=False,
                allow_event_without_transition=False,
                catch_errors_as_events=False,
            )
        except Exception as error:
            raise ManifestError(f"workflow.json: {error}") from error

    def _run(self, active: frozenset[str], action: str, met: frozenset[str]) -> tuple[str, ...]:
        names = {t.guard for spec in self.actions.values() for t in spec.transitions if t.guard}
        model = SimpleNamespace(
            state=OrderedSet(sorted(active)), **{f"guard_{name}": name in met for name in names}
        )
        machine = self._machine(model=model)
        try:
            machine.send(f"act_{action}")
        except TransitionNotAllowed as error:
            spec = self.actions[action]
            raise WrongState(
                where=f"/{action}",
                state_zh="、".join(sorted(active)),
                state_en=", ".join(sorted(active)),
                action_zh=spec.title.zh,
                action_en=spec.title.en,
            ) from error
        after = set(machine.configuration_values)
        return tuple(sorted(leaf for leaf in self._leaves if leaf in after))


def _children(state: StateSpec, build: Any) -> dict[str, Any]:
    if state.parallel:
        return {"states": build(state.parallel, None, True)}
    if state.states:
        return {"states": build(state.states, state.initial or next(iter(state.states)), False)}
    return {}


def _walk(states: Mapping[str, StateSpec], parent: str | None) -> Iterator[tuple[str, StateSpec, str | None]]:
    for name, state in states.items():
        yield name, state, parent
        yield from _walk({**state.states, **state.parallel}, name)
