"""What a scene's hooks may answer: anything misshapen fails the scene as it loads, with a reason that names the hook."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gongzhi.errors import SceneFault
from gongzhi.scenes.hooks import door_pattern
from gongzhi.scenes.host import SceneHost

from ..little_scene import MODULE, install, write_scene

PREPARED = """
from gongzhi.plugin import Document, Fact, Intake, IntakeReply, Text


async def later(value):
    return value


def now(value):
    return IntakeReply()


def intake(**changes):
    return Intake(**{"method": "GET", "path": "a/b", "authentication": "none", "translate": now, **changes})


def document(**changes):
    title = Text(zh="通知", en="notice")
    return Document(**{"kind": "notice", "title": title, "template": "case.json", **changes})


"""


@pytest.fixture(autouse=True)
def clean_path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def loaded(folder: Path, hook: str, answer: str) -> SceneHost:
    """A host whose scene answers so to that hook, after the scene was asked for."""
    module = MODULE.replace("def gongzhi_rules", "def left_out") if hook == "gongzhi_rules" else MODULE
    module = module.replace("@hookimpl\ndef left_out", "def left_out")
    module += f"{PREPARED}@hookimpl\ndef {hook}():\n    return {answer}\n"
    host = SceneHost(install(folder, write_scene(folder, module=module, permissions=["facts", "intakes"])))
    with suppress(SceneFault):
        host.scene("little")
    return host


@pytest.mark.parametrize(
    ("hook", "answer", "reason"),
    [
        ("gongzhi_rules", "'tell'", "str is no mapping"),
        ("gongzhi_rules", "{'tell': tell, 'finish': 5}", "rule 'finish' is no plain function"),
        ("gongzhi_rules", "{'tell': tell, 'finish': later}", "rule 'finish' is no plain function"),
        ("gongzhi_rules", "{1: tell}", "a name is no text"),
        ("gongzhi_facts", "{'a': 1}", "dict is no sequence"),
        ("gongzhi_facts", "'abc'", "str is no sequence"),
        ("gongzhi_facts", "[('a', 'SELECT 1')]", "tuple is no Fact"),
        ("gongzhi_facts", "[Fact(name='a', sql=5)]", "a fact's name and sql are texts"),
        ("gongzhi_facts", "[Fact(name='a', sql='DELETE FROM cases')]", "fact 'a' is not one SELECT or WITH"),
        ("gongzhi_facts", "[Fact(name='a', sql='SELECT 1; SELECT 2')]", "fact 'a' is not one SELECT or WITH"),
        ("gongzhi_facts", "[Fact(name='a', sql='SELECT 1')] * 2", "fact 'a' stands twice"),
        ("gongzhi_intakes", "5", "int is no sequence"),
        ("gongzhi_intakes", "[now]", "function is no Intake"),
        ("gongzhi_intakes", "[intake(translate='now')]", "translate is no plain function"),
        ("gongzhi_intakes", "[intake(translate=later)]", "translate is no plain function"),
        ("gongzhi_intakes", "[intake(respond=5)]", "respond is no plain function"),
        ("gongzhi_intakes", "[intake(method='DELETE')]", "the method is GET or POST"),
        ("gongzhi_intakes", "[intake(authentication='any')]", "authentication is none or service"),
        ("gongzhi_intakes", "[intake(path='a(b')]", "a path is letters"),
        ("gongzhi_intakes", "[intake(path='/a')]", "a path is letters"),
        ("gongzhi_intakes", "[intake(path='{a}/{a}')]", "stands twice in the path"),
        ("gongzhi_intakes", "[intake(path=None)]", "an intake's path is a text"),
        ("gongzhi_intakes", "[intake(body_limit_bytes='1')]", "body_limit_bytes is no positive integer"),
        ("gongzhi_intakes", "[intake(), intake()]", "intake 'GET a/b' stands twice"),
        ("gongzhi_documents", "[document(), document()]", "document 'notice' stands twice"),
        ("gongzhi_documents", "[document(title='通知')]", "the title is no Text"),
        ("gongzhi_documents", "[document(template='no.typ')]", "the package has no file 'no.typ'"),
        ("gongzhi_documents", "[document(template='../pg.typ')]", "the package has no file '../pg.typ'"),
        ("gongzhi_documents", "[document(number='{code}{day}')]", "number is no such template"),
        ("gongzhi_types", "{'Case': 'Extra'}", "'Case' is no class"),
        ("gongzhi_types", "[]", "list is no mapping"),
    ],
)
def test_a_misshapen_answer_fails_the_scene_and_names_the_hook(
    tmp_path: Path, hook: str, answer: str, reason: str
) -> None:
    (state,) = loaded(tmp_path, hook, answer).states()
    assert state.state == "failed"
    assert state.reason.startswith(f"{hook}: ")
    assert reason in state.reason


@pytest.mark.parametrize(
    ("hook", "answer"),
    [
        ("gongzhi_facts", "(Fact(name='a', sql='\\n with x AS (SELECT 1) SELECT * FROM x;\\n'),)"),
        ("gongzhi_intakes", "[intake(), intake(method='POST'), intake(path='a/{id}.json')]"),
        ("gongzhi_documents", "[document(number='{code}〔{year}〕{n}号')]"),
        ("gongzhi_types", "None"),
    ],
)
def test_a_well_shaped_answer_loads(tmp_path: Path, hook: str, answer: str) -> None:
    (state,) = loaded(tmp_path, hook, answer).states()
    assert (state.state, state.reason) == ("loaded", "")


def test_tasks_are_no_hook_while_nothing_runs_them(tmp_path: Path) -> None:
    (state,) = loaded(tmp_path, "gongzhi_tasks", "[]").states()
    assert "unknown hook 'gongzhi_tasks'" in state.reason


def test_a_dot_in_a_path_is_a_dot_and_a_parameter_ends_at_a_slash() -> None:
    pattern = door_pattern("cards/{id}.json")
    assert pattern.fullmatch("cards/7/8.json") is None
    assert pattern.fullmatch("cards/7xjson") is None
    found = pattern.fullmatch("cards/7.json")
    assert found is not None and found.groupdict() == {"id": "7"}
