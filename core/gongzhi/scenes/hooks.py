"""What a scene's hooks answer, checked as it is read: whatever is misshapen fails the scene here, never an act later."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from gongzhi import plugin
from gongzhi.declarations import Document, Fact, Intake, Rule, Text
from gongzhi.scenes.manifest import ManifestError

SCENE_RAISES = (Exception, SystemExit)
"""What a scene's code may raise without harm to others; a `sys.exit` would otherwise end the whole process."""

T = TypeVar("T")

_ONE_QUERY = re.compile(r"\s*(SELECT|WITH)\b[^;]*;?\s*", re.IGNORECASE)
_PART = re.compile(r"\{(\w+)\}|([^{}]+)")
_PATH = re.compile(r"(?:[\w.~-]|\{[a-z_]\w*\})+(?:/(?:[\w.~-]|\{[a-z_]\w*\})+)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """A scene's declarations by name, in the order in which it gave them."""

    rules: Mapping[str, Rule]
    facts: Mapping[str, Fact]
    intakes: tuple[Intake, ...]
    documents: Mapping[str, Document]
    types: Mapping[str, type]


def read_hooks(scene: str, module: ModuleType, folder: Path) -> Hooks:
    """Call every hook of a scene's package, which lies in `folder`.

    Raises `ManifestError` with a reason that names the hook.
    """
    manager = _manager(scene, module)

    def ask(hook: str, read: Callable[[Any], T], nothing: Any) -> T:
        try:
            answer = getattr(manager.hook, hook)()
            return read(nothing if answer is None else answer)
        except _Misshapen as error:
            raise ManifestError(f"{hook}: {error}") from error
        except SCENE_RAISES as error:
            raise ManifestError(f"{hook} raised {type(error).__name__}: {error}") from error

    return Hooks(
        rules=ask("gongzhi_rules", _rules, {}),
        facts=ask("gongzhi_facts", _facts, ()),
        intakes=ask("gongzhi_intakes", _intakes, ()),
        documents=ask("gongzhi_documents", lambda answer: _documents(answer, folder), ()),
        types=ask("gongzhi_types", _types, {}),
    )


@lru_cache(maxsize=1024)
def door_pattern(path: str) -> re.Pattern[str]:
    """What an intake's path matches; `{name}` stands for anything but a slash. Raises `ValueError`."""
    if not _PATH.fullmatch(path):
        raise ValueError("a path is letters, digits and {names}, divided by slashes, with none at the ends")
    pattern = "".join(
        f"(?P<{name}>[^/]+)" if name else re.escape(literal) for name, literal in _PART.findall(path)
    )
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError("a {name} stands twice in the path") from error


def doors_meet(path: str, other: str) -> bool:
    """Whether some address could match both paths of intakes."""
    steps, others = path.split("/"), other.split("/")
    return len(steps) == len(others) and all(
        a == b or "{" in a or "{" in b for a, b in zip(steps, others, strict=True)
    )


class _Misshapen(Exception):
    """An answer that is not what its hook declares."""


def _manager(scene: str, module: ModuleType) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("gongzhi")
    manager.add_hookspecs(plugin.SceneHooks)
    try:
        manager.register(module, name=scene)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(sorted(n for n in vars(plugin.SceneHooks) if n.startswith("gongzhi_")))
        raise ManifestError(f"hooks: {error} (known hooks: {known})") from error
    return manager


def _rules(answer: Any) -> dict[str, Rule]:
    rules = _mapping(answer)
    for name, rule in rules.items():
        _hold(_is_plain(rule), f"rule {name!r} is no plain function")
    return rules


def _types(answer: Any) -> dict[str, type]:
    types = _mapping(answer)
    for name, value in types.items():
        _hold(isinstance(value, type), f"{name!r} is no class")
    return types


def _facts(answer: Any) -> dict[str, Fact]:
    facts = _sequence(answer, Fact)
    for fact in facts:
        _hold(_is_text(fact.name) and _is_text(fact.sql), "a fact's name and sql are texts")
        # PostgreSQL would take no second statement either; and a read-only savepoint holds what WITH may hide.
        _hold(
            _ONE_QUERY.fullmatch(fact.sql) is not None,
            f"fact {fact.name!r} is not one SELECT or WITH without a semicolon inside",
        )
    return _by(facts, "fact", lambda fact: fact.name)


def _intakes(answer: Any) -> tuple[Intake, ...]:
    intakes = _sequence(answer, Intake)
    for intake in intakes:
        _hold(_is_text(intake.path), "an intake's path is a text")
        name = f"intake {intake.path!r}"
        try:
            door_pattern(intake.path)
        except ValueError as error:
            raise _Misshapen(f"{name}: {error}") from error
        _hold(intake.method in ("GET", "POST"), f"{name}: the method is GET or POST")
        _hold(intake.authentication in ("none", "service"), f"{name}: authentication is none or service")
        _hold(_is_plain(intake.translate), f"{name}: translate is no plain function")
        for part, function in (("respond", intake.respond), ("refused", intake.refused)):
            _hold(function is None or _is_plain(function), f"{name}: {part} is no plain function")
        limit = intake.body_limit_bytes
        _hold(type(limit) is int and limit > 0, f"{name}: body_limit_bytes is no positive integer")
    return tuple(_by(intakes, "intake", lambda intake: f"{intake.method} {intake.path}").values())


def _documents(answer: Any, folder: Path) -> dict[str, Document]:
    documents = _sequence(answer, Document)
    for document in documents:
        _hold(_is_text(document.kind), "a document's kind is a text")
        name = f"document {document.kind!r}"
        title = document.title
        bilingual = isinstance(title, Text) and isinstance(title.zh, str) and isinstance(title.en, str)
        _hold(bilingual, f"{name}: the title is no Text")
        _hold(_is_text(document.template), f"{name}: the template is no path")
        path = PurePosixPath(document.template)
        inside = not path.is_absolute() and ".." not in path.parts
        _hold(inside and (folder / path).is_file(), f"{name}: the package has no file {document.template!r}")
        _hold(document.number is None or _is_number(document.number), f"{name}: number is no such template")
    return _by(documents, "document", lambda document: document.kind)


def _is_number(template: object) -> bool:
    try:
        return isinstance(template, str) and bool(template.format(code="", year=2026, n=1))
    except (LookupError, ValueError, AttributeError):
        return False


def _mapping(answer: Any) -> dict[str, Any]:
    _hold(isinstance(answer, Mapping), f"{type(answer).__name__} is no mapping")
    read = dict(answer)
    _hold(all(isinstance(name, str) for name in read), "a name is no text")
    return read


def _sequence(answer: Any, kind: type[T]) -> list[T]:
    fits = isinstance(answer, Sequence) and not isinstance(answer, (str, bytes))
    _hold(fits, f"{type(answer).__name__} is no sequence")
    read = list(answer)
    for item in read:
        _hold(isinstance(item, kind), f"{type(item).__name__} is no {kind.__name__}")
    return read


def _by(items: Sequence[T], kind: str, key: Callable[[T], str]) -> dict[str, T]:
    found: dict[str, T] = {}
    for item in items:
        _hold(key(item) not in found, f"{kind} {key(item)!r} stands twice")
        found[key(item)] = item
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_plain(value: object) -> bool:
    return callable(value) and not inspect.iscoroutinefunction(value)


def _hold(holds: bool, problem: str) -> None:
    if not holds:
        raise _Misshapen(problem)
