"""Operations made from a GraphQL schema: every field, every argument, nothing written by hand.

A field added to the schema is asked for by the next run. What is typed into an argument comes from a `Pool`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

DEPTH = 9
"""How deep a whole selection goes; a type is not entered again inside itself, so that few paths are longer."""

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
Place = tuple[str, str]
"""A type's name and a field's."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A document with its variables; `about` is the field whose arguments it tries."""

    about: Place
    document: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What is tried: `values(path, type)` for a leaf input at a path of names, the plainest first.

    An empty path's last name is the argument's or the input field's own; None leaves it out.
    """

    values: Callable[[tuple[str, ...], str], Sequence[Any]]
    whole: Callable[[tuple[str, ...]], Sequence[Any] | None] = lambda path: None


def whole_selection(schema: GraphQLSchema, type_: Any, choice: int = 0) -> str:
    """Everything that can be asked of a type, without arguments; `choice` picks among an abstract type's members."""
    return _selection(schema, get_named_type(type_), choice, (), lambda _type, _field: True)


def light_selection(schema: GraphQLSchema, type_: Any, choice: int = 0) -> str:
    """What identifies things: ids where a type has them, else its leaves, two objects deep."""

    def wanted(owner: Composite, name: str) -> bool:
        fields = {} if isinstance(owner, GraphQLUnionType) else owner.fields
        return name == "id" if "id" in fields else True

    return _selection(schema, get_named_type(type_), choice, (), wanted, depth=3)


def _selection(
    schema: GraphQLSchema,
    type_: Any,
    choice: int,
    above: tuple[str, ...],
    wanted: Callable[[Composite, str], bool],
    depth: int = DEPTH,
) -> str:
    if is_leaf_type(type_):
        return ""
    if is_abstract_type(type_):
        members = schema.get_possible_types(type_)
        if not members:  # where no scene is enabled there is no detail
            return "{ __typename }"
        member = members[choice % len(members)]
        inner = _selection(schema, member, choice, above, wanted, depth)
        return f"{{ __typename ... on {member.name} {inner} }}"
    parts = ["__typename"]
    for name, field in type_.fields.items():
        below = get_named_type(field.type)
        if not wanted(type_, name) or any(_is_required(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(below):
            parts.append(name)
            continue
        names = {below.name} | {t.name for t in _members(schema, below)}
        # There is nothing new in a type inside itself, but for the field that leads there (`Region.parent`).
        again = names & ({*above} if below is type_ else {type_.name, *above})
        if len(above) + 1 < depth and not again:
            parts.append(f"{name} {_selection(schema, below, choice, (*above, type_.name), wanted, depth)}")
    return f"{{ {' '.join(parts)} }}"


def _members(schema: GraphQLSchema, type_: Any) -> Sequence[GraphQLObjectType]:
    return schema.get_possible_types(type_) if is_abstract_type(type_) else ()


def _is_required(argument: GraphQLArgument) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a field is reached from a root: each step's type and field."""

    steps: tuple[tuple[GraphQLObjectType, str], ...]

    @property
    def field(self) -> GraphQLField:
        type_, name = self.steps[-1]
        field: GraphQLField = type_.fields[name]
        return field

    @property
    def place(self) -> Place:
        return self.steps[-1][0].name, self.steps[-1][1]


def ways(schema: GraphQLSchema, root: GraphQLObjectType | None) -> list[Way]:
    """The shortest way to every field that stands right below a root, below a namespace, or takes arguments."""
    found: dict[Place, Way] = {}
    waiting = [Way(steps=((root, name),)) for name in root.fields] if root else []
    while waiting:
        way = waiting.pop(0)
        if way.place in found or len(way.steps) > DEPTH:
            continue
        found[way.place] = way
        below = get_named_type(way.field.type)
        for type_ in (below, *_members(schema, below)):
            if isinstance(type_, GraphQLObjectType):
                waiting += [Way(steps=(*way.steps, (type_, name))) for name in type_.fields]
    return [way for way in found.values() if way.field.args or _is_entrance(way)]


def is_namespace(field: GraphQLField) -> bool:
    """A root field that only groups others: no arguments, and an object whose name says so."""
    named = get_named_type(field.type)
    return not field.args and named.name.endswith(("Query", "Mutation"))


def _is_entrance(way: Way) -> bool:
    if is_namespace(way.field):
        return False
    return all(is_namespace(type_.fields[name]) for type_, name in way.steps[:-1])


def operations(
    schema: GraphQLSchema, kind: str, way: Way, pool: Pool, *, thorough: bool = False
) -> Iterator[Operation]:
    """The operations that try one field: plainly with everything below it, then each value of each argument by itself
    and, if `thorough`, with each value of each other argument."""
    tried = {name: _tries(argument.type, (name,), pool) for name, argument in way.field.args.items()}
    plain = {name: values[0] for name, values in tried.items()}
    returned = get_named_type(way.field.type)
    members = _members(schema, returned)
    choices = max(1, len(members))
    ids = [name for name, argument in way.field.args.items() if get_named_type(argument.type).name == "ID"]
    for given in _combinations(tried, plain, thorough=thorough):
        # What names a thing is asked for all of it; what filters a list, only for what is in it.
        whole = given == plain or (kind != "mutation" and any(given[name] != plain[name] for name in ids))
        named = [i for i, member in enumerate(members) if any(_is_of(given[name], member) for name in ids)]
        for choice in named or range(choices if given == plain else 1):
            select = whole_selection if whole else light_selection
            yield _operation(kind, way, given, select(schema, returned, choice), pool)


def _is_of(value: Any, member: GraphQLObjectType) -> bool:
    """Whether a global id says that it is of this type."""
    return isinstance(value, str) and value.startswith(f"{member.name}:")


def _combinations(
    tried: Mapping[str, Sequence[Any]], plain: Mapping[str, Any], *, thorough: bool
) -> Iterator[dict[str, Any]]:
    yield dict(plain)
    for name, values in tried.items():
        yield from ({**plain, name: value} for value in values[1:])
    if thorough:
        for one, other in itertools.combinations(tried, 2):
            pairs = itertools.product(tried[one][1:], tried[other][1:])
            yield from ({**plain, one: value, other: beside} for value, beside in pairs)


def _operation(kind: str, way: Way, given: Mapping[str, Any], selection: str, pool: Pool) -> Operation:
    declared: list[str] = []
    variables: dict[str, Any] = {}
    text = ""
    for index, (type_, name) in enumerate(way.steps):
        field, last = type_.fields[name], index == len(way.steps) - 1
        passed = []
        for argument, spec in field.args.items():
            value = given[argument] if last else _tries(spec.type, (argument,), pool)[0]
            if value is None:
                continue
            variable = f"{argument}{index}"
            declared.append(f"${variable}: {spec.type}")
            variables[variable] = value
            passed.append(f"{argument}: ${variable}")
        arguments = f"({', '.join(passed)})" if passed else ""
        on = f"... on {type_.name} {{ " if index and _enters_member(way, index) else ""
        text += f"{{ __typename {on}{name}{arguments} "
    closing = sum(2 if i and _enters_member(way, i) else 1 for i in range(len(way.steps)))
    head = f"{kind} ({', '.join(declared)})" if declared else kind
    return Operation(
        about=way.place, document=f"{head} {text}{selection} {'}' * closing}", variables=variables
    )


def _enters_member(way: Way, index: int) -> bool:
    above, name = way.steps[index - 1]
    return bool(is_abstract_type(get_named_type(above.fields[name].type)))


def _tries(type_: GraphQLInputType, path: tuple[str, ...], pool: Pool) -> list[Any]:
    """The values to try for an input, the plainest first; None, where it may be left out, stands last."""
    ready = pool.whole(path)
    if ready is not None:
        return list(ready)
    if isinstance(type_, GraphQLNonNull):
        return [value for value in _tries(type_.of_type, path, pool) if value is not None]
    if isinstance(type_, GraphQLList):
        filled = [[value] for value in _tries(type_.of_type, path, pool) if value is not None][:2]
        return [None, *filled] if len(path) == 1 else filled
    if isinstance(type_, GraphQLEnumType):
        return list(type_.values)
    if isinstance(type_, GraphQLInputObjectType):
        return _objects(type_, path, pool)
    return list(pool.values(path, str(get_named_type(type_))))


def _objects(type_: GraphQLInputObjectType, path: tuple[str, ...], pool: Pool) -> list[Any]:
    """Everything filled in; then only what must be."""
    fields = type_.fields.items()
    if type_.is_one_of:
        return [{name: _tries(field.type, (*path, name), pool)[0]} for name, field in fields]
    full = {name: _tries(field.type, (*path, name), pool)[0] for name, field in fields}
    needed = {name: full[name] for name, field in fields if isinstance(field.type, GraphQLNonNull)}
    return [full] if needed == full else [full, needed]
