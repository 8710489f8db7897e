"""A scene that raises, wherever it does, refuses its own acts and nothing else: over HTTP, in the running application.

All scenes are enabled in Anji while they are whole. Then the process starts anew, and all but one are broken, as after an
unlucky upgrade.
"""

from __future__ import annotations

import asyncio
import copy
import runpy
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest
import uvicorn

from gongzhi.app import Application, open_app
from gongzhi.audit.tiles import unpack_entries
from gongzhi.declarations import Command
from gongzhi.identity.attempts import LIMITS
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

LITTLE = runpy.run_path(str(Path(__file__).parents[2] / "core" / "tests" / "little_scene.py"))
WHOLE: str = LITTLE["MODULE"]
ANJI = "330523"
SECRET = "隐名童在紫竹巷"

DOORS = """
from gongzhi.plugin import Command, Intake, IntakeReply


def translate(request):
    about = request.body["about"]
    if about == "translate":
        raise LookupError("{secret}")
    if about == "translate_nonsense":
        return "{secret}"
    if about == "translate_object":
        return IntakeReply(body=object())
    if about == "headers":
        return IntakeReply(body=sorted(request.headers))
    if about == "own_code":
        return IntakeReply(status=422, body={{"code": request.body["code"]}})
    if about == "elsewhere":
        enable = {{"scene": "{scene}", "region": "330523", "roles": [], "state": "closed"}}
        return [Command(namespace="administration", action="enable_scene", input=enable, key="key-of-another")]
    if about == "odd_command":
        return [Command(namespace="{scene}", action="tell", input={{}}, key="key-of-a-case", case_id="1")]
    if about == "batch":
        key = request.headers["idempotency-key"]
        return [
            Command(namespace="{scene}", action="tell", input=input, key=key + str(index))
            for index, input in enumerate(request.body["entries"])
        ]
    return [Command(namespace="{scene}", action="tell", input=request.body, key=request.headers["idempotency-key"])]


def respond(request, results):
    about = request.body["about"]
    if about == "respond":
        raise SystemExit("{secret}")
    if about == "respond_no":
        raise Refusal("T-1", zh="{secret}", en="{secret}")
    if about == "respond_nonsense":
        return "{secret}"
    if about == "respond_object":
        return IntakeReply(body=object())
    return IntakeReply(status=201, body={{"case": str(results[0].case_id)}})


@hookimpl
def gongzhi_intakes():
    return [
        Intake(method="POST", path="{scene}/tell", authentication="service", translate=translate, respond=respond)
    ]
"""

TYPES = """
import strawberry


@strawberry.type
class Extra:
    @strawberry.field
    def shout(self) -> str:
        raise {error}("{secret}")


@hookimpl
def gongzhi_types():
    return {{"Case": Extra}}
"""

FACTS = """

@hookimpl
def gongzhi_facts():
    from gongzhi.plugin import Fact
    return [Fact(name="region", sql="{sql}")]
"""

UNLOADABLE = {
    "import_error": f"raise RuntimeError({SECRET!r})",
    "import_exit": f"import sys\nsys.exit({SECRET!r})",
    "type_wrong": WHOLE + "\n@hookimpl\ndef gongzhi_types():\n    return {'Case': int}\n",
    "hook_error": WHOLE + f"\n@hookimpl\ndef gongzhi_documents():\n    raise KeyError({SECRET!r})\n",
    "fact_no_query": WHOLE + FACTS.format(sql="DELETE FROM case_search WHERE $1 <> ''"),
    "hook_nonsense": WHOLE + "\n@hookimpl\ndef gongzhi_intakes():\n    return 5\n",
}
"""What is wrong with each scene that takes no act any more."""

RULES = {
    "rule_error": f"raise ZeroDivisionError({SECRET!r})",
    "rule_exit": f"raise SystemExit({SECRET!r})",
    "rule_nothing": "return None",
    "rule_object": "return Decision(data={'about': object()})",
    "rule_guards": "return Decision(guards=5)",
}
"""What the rule of a scene does instead."""

QUERIES = {
    "fact_error": "SELECT nothing FROM nowhere WHERE $1 = ''",
    "fact_deaf": "SELECT 1",
    "fact_slow": "SELECT $1::text AS region FROM pg_sleep(60)",
    "fact_writes": "WITH gone AS (DELETE FROM case_search WHERE $1 <> '' RETURNING 1) SELECT * FROM gone",
}
"""What a scene asks for as a fact."""

RESOLVERS = {"resolver_error": "ZeroDivisionError", "resolver_exit": "SystemExit"}
"""Scenes that act, and one of whose fields raises this."""

SCENES = ("good", *UNLOADABLE, *RULES, *QUERIES, *RESOLVERS)


def source(scene: str, *, whole: bool) -> str:
    """The module of a scene, before or after it broke."""
    if scene == "good":
        return WHOLE + DOORS.format(scene=scene, secret=SECRET)
    if scene in QUERIES:
        return WHOLE + FACTS.format(sql="SELECT $1::text AS region" if whole else QUERIES[scene])
    if whole:
        return WHOLE
    if scene in RULES:
        return WHOLE.replace("def tell(act):", f"def tell(act):\n    {RULES[scene]}")
    if scene in RESOLVERS:
        return WHOLE + TYPES.format(error=RESOLVERS[scene], secret=SECRET)
    return UNLOADABLE[scene]


def installed(folder: Path, *, whole: bool) -> Any:
    """The scenes on the disk, found; what was imported of them before is forgotten."""
    points: list[EntryPoint] = []
    for scene in SCENES:
        workflow = copy.deepcopy(LITTLE["WORKFLOW"])
        if scene in QUERIES:
            workflow["actions"]["tell"]["facts"] = ["region"]
        points.append(
            LITTLE["write_scene"](
                folder,
                scene,
                module=source(scene, whole=whole),
                workflow=workflow,
                permissions=["intakes", "facts"],
            )
        )
    return LITTLE["install"](folder, *points)


@dataclass
class Running:
    """The broken application behind a real server, tokens of its people, and what it wrote."""

    application: Application = field(init=False)
    database_url: str = ""
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, login: str, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to a GraphQL operation."""
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = self.post(login, f"/graphql/{ANJI}", body).json()
        return answer

    def post(self, login: str, path: str, body: Any, key: str = "") -> httpx.Response:
        """A request with somebody's token and, unless one is given, a fresh key."""
        headers = {"authorization": f"Bearer {self.tokens[login]}", "idempotency-key": key or uuid4().hex}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=30)

    def tell(self, scene: str, about: str = "多处瘀伤") -> dict[str, Any]:
        """Open a case of a scene."""
        name = "".join(word.title() for word in scene.split("_"))
        query = (
            f"mutation ($input: {name}TellInput!, $key: String!) {{ {name[0].lower()}{name[1:]}"
            " { tell(input: $input, key: $key) { case { id } } } }"
        )
        return self.ask("doctor", query, input={"place": ANJI, "about": about}, key=uuid4().hex)

    def counts(self) -> list[int]:
        """How many cases, events, letters, clocks and indexed cases there are."""
        tables = ("cases", "case_event", "letter", "deadline", "case_search")
        return [
            rows[0]["n"] for rows in self._fetch(*(f"SELECT count(*) AS n FROM {name}" for name in tables))
        ]

    def faults(self) -> list[tuple[str, str, str, str]]:
        """Scene, version, action and code of every fault in the audit log, the waiting ones last."""
        return self.leaves("fault")

    def leaves(self, outcome: str) -> list[tuple[str, str, str, str]]:
        """The same of every entry with that outcome."""
        bundles, waiting = self._fetch(
            "SELECT entries FROM audit_bundle ORDER BY index, first",
            "SELECT leaf FROM audit_pending ORDER BY id",
        )
        entries = [e for row in bundles for e in unpack_entries(row["entries"], where="audit_bundle")]
        leaves = [orjson.loads(entry) for entry in (*entries, *(row["leaf"] for row in waiting))]
        return [
            (leaf["namespace"], leaf["version"], leaf["action"], leaf["code"])
            for leaf in leaves
            if leaf["outcome"] == outcome
        ]

    def _fetch(self, *queries: str) -> list[list[asyncpg.Record]]:
        """Rows of each query, all as of one moment."""

        async def fetch() -> list[list[asyncpg.Record]]:
            connection = await asyncpg.connect(self.database_url)
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    return [await connection.fetch(query) for query in queries]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def tells_well(self) -> bool:
        """Whether the good scene still acts."""
        return "errors" not in self.tell("good")


@pytest.fixture(scope="module")
def running(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home, path = tmp_path_factory.mktemp("broken"), list(sys.path)
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    name = asyncio.run(database.create(template=database.template))
    settings = Settings(home=home, database_url=database.url_of(name))
    served, ready, stop = Running(database_url=database.url_of(name)), threading.Event(), threading.Event()

    async def run() -> None:
        whole = installed(tmp_path_factory.mktemp("whole"), whole=True)
        async with open_app(settings, installed=whole, work=False) as application:
            served.tokens = await _populate(application)
        sys.path[:] = path
        broken = installed(tmp_path_factory.mktemp("broken"), whole=False)
        async with open_app(settings, installed=broken) as application:
            served.application = application
            server = uvicorn.Server(
                uvicorn.Config(application.asgi, port=0, log_level="warning", lifespan="off")
            )
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    problem: list[BaseException] = []

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            problem.append(error)
        ready.set()

    runner = threading.Thread(target=thread, daemon=True)
    runner.start()
    assert ready.wait(120)
    if problem:
        raise problem[0]
    assert served.tells_well()  # every scene is loaded, or has failed to, from here on
    yield served
    stop.set()
    runner.join(60)
    sys.path[:] = path
    asyncio.run(database.drop(name))
    assert problem == []


async def _populate(application: Application) -> dict[str, str]:
    """Organs, people, tokens; every scene enabled in Anji."""
    host, since = application.host, date(2024, 1, 1)
    now = host.clock.now()
    plan = (
        ("doctor", "hospital", "city", "330500", "handler"),
        ("police", "police", "county", ANJI, "handler"),
        ("watcher", "procuratorate", "county", ANJI, "handler"),
        ("admin", "procuratorate", "province", "330000", "region_admin"),
    )
    organs, tokens = {}, {}
    async with host.store.unit_of_work() as uow:
        for login, organ_type, level, region, duty in plan:
            organ = await host.directory.organ_add(
                uow, name=login, name_en=login, type=organ_type, level=level, region=region, valid_from=since
            )
            person = await host.directory.person_add(uow, name=login)
            post = await host.directory.post_add(
                uow, person_id=person, organ_id=organ.id, title="x", duties=[duty], valid_from=since
            )
            await host.directory.account_add(uow, login=login, post_id=post)
            organs[login] = organ.id
            tokens[login] = await host.sign_in.issue_token(uow, login, now, timedelta(days=1))
        await host.directory.account_add(uow, login="clinic", organ_id=organs["doctor"])
        tokens["clinic"] = await host.sign_in.issue_token(uow, "clinic", now, timedelta(days=1))
    roles = [{"role": role, "region": ANJI, "organ": str(organs[role])} for role in ("police", "watcher")]
    admin = await host.sign_in.actor_from_token(tokens["admin"], now)
    for scene in SCENES:
        enabled = {"scene": scene, "region": ANJI, "roles": roles}
        command = Command(namespace="administration", action="enable_scene", input=enabled, key=uuid4().hex)
        await host.dispatch.act(admin, command, "330000")
    return tokens


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


@pytest.mark.parametrize("scene", [*RULES, *QUERIES])
def test_a_scene_whose_rule_or_fact_fails_refuses_its_act_alone(
    running: Running, scene: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before, faults = running.counts(), running.faults()
    answer = running.tell(scene)
    assert codes(answer) == ["scene_fault"]
    assert running.counts() == before
    assert running.faults()[len(faults) :] == [(scene, "1.0.0", "tell", "scene_fault")]
    output = capfd.readouterr()
    assert SECRET not in str(answer) + output.out + output.err
    assert running.tells_well()


@pytest.mark.parametrize("scene", UNLOADABLE)
def test_a_scene_that_cannot_be_loaded_is_not_in_the_api_and_its_reason_is_told(
    running: Running, scene: str
) -> None:
    assert codes(running.tell(scene))[0] == "invalid_query"
    assert running.tells_well()
    states = {state.id: state for state in running.application.host.scenes.states()}
    assert (states[scene].state, bool(states[scene].reason)) == ("failed", True)
    assert states["good"].state == "loaded"


def test_a_command_of_a_scene_that_cannot_be_loaded_is_its_fault(running: Running) -> None:
    for scene in UNLOADABLE:
        answer = running.ask(
            "admin",
            "mutation ($input: AdministrationEnableSceneInput!, $key: String!) {"
            " administration { enableScene(input: $input, key: $key) { output } } }",
            input={"scene": scene, "region": ANJI, "roles": []},
            key=uuid4().hex,
        )
        assert codes(answer) == ["scene_fault"]


@pytest.mark.parametrize("scene", RESOLVERS)
def test_a_field_that_raises_is_null_and_the_rest_of_the_case_is_shown(
    running: Running, scene: str, capfd: pytest.CaptureFixture[str]
) -> None:
    told = running.tell(scene)
    assert codes(told) == []
    (done,) = told["data"].values()
    name = "".join(word.title() for word in scene.split("_"))
    query = f"query ($id: ID!) {{ case(id: $id) {{ detail {{ ... on {name}Case {{ about shout }} }} }} }}"
    shown = running.ask("police", query, id=done["tell"]["case"]["id"])
    assert codes(shown) == ["scene_fault"]
    output = capfd.readouterr()
    assert SECRET not in str(shown) + output.out + output.err
    assert running.tells_well()


DOOR = f"/r/{ANJI}/good/tell"


@pytest.mark.parametrize(
    "about", ["translate", "translate_nonsense", "translate_object", "elsewhere", "odd_command"]
)
def test_an_intake_that_fails_on_a_request_refuses_it_alone(
    running: Running, about: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before, faults = running.counts(), running.faults()
    refused = running.post("clinic", DOOR, {"place": ANJI, "about": about})
    assert (refused.status_code, refused.json()["code"]) == (502, "scene_fault")
    assert running.counts() == before
    assert running.faults()[len(faults) :] == [("good", "1.0.0", "good/tell", "scene_fault")]
    output = capfd.readouterr()
    assert SECRET not in refused.text + output.out + output.err
    taken = running.post("clinic", DOOR, {"place": ANJI, "about": "多处瘀伤"})
    assert taken.status_code == 201


@pytest.mark.parametrize("about", ["respond", "respond_no", "respond_nonsense", "respond_object"])
def test_an_intake_that_fails_to_reply_says_that_the_act_is_done(
    running: Running, about: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (before, *_), faults, key = running.counts(), running.faults(), uuid4().hex
    failed = running.post("clinic", DOOR, {"place": ANJI, "about": about}, key)
    assert (failed.status_code, failed.json()["code"]) == (500, "reply_failed")
    assert running.faults()[len(faults) :] == [("good", "1.0.0", "good/tell", "reply_failed")]
    again = running.post("clinic", DOOR, {"place": ANJI, "about": about}, key)
    assert again.json()["code"] == "reply_failed"
    assert running.counts()[0] == before + 1
    output = capfd.readouterr()
    assert SECRET not in failed.text + output.out + output.err


def test_a_refused_entry_of_a_batch_keeps_back_none_after_it(running: Running) -> None:
    (before, *_), key = running.counts(), uuid4().hex
    good, bad = {"place": ANJI, "about": "多处瘀伤"}, {"place": ANJI, "about": 5}
    batch = {"about": "batch", "entries": [bad, good, bad, {**good, "about": "划伤"}]}
    for _ in range(2):
        refused = running.post("clinic", DOOR, batch, key)
        assert (refused.status_code, refused.json()["code"], refused.json()["where"]) == (
            400,
            "invalid_input",
            "/about",
        )
        assert running.counts()[0] == before + 2


def test_an_intake_is_not_shown_who_calls(running: Running) -> None:
    shown = httpx.post(
        running.url + DOOR,
        json={"about": "headers"},
        headers={
            "authorization": f"Bearer {running.tokens['clinic']}",
            "cookie": "a=b",
            "X-Gongzhi-CSRF": "c",
        },
        timeout=30,
    ).json()
    assert "content-type" in shown
    assert {"authorization", "cookie", "x-gongzhi-csrf"} & set(shown) == set()


@pytest.mark.parametrize(
    ("code", "recorded"),
    [("too_young", "too_young"), (SECRET, "refused"), ("a" * 61, "refused"), (5, "refused")],
)
def test_a_scenes_own_code_is_recorded_only_if_it_is_one(running: Running, code: Any, recorded: str) -> None:
    entries = len(running.leaves("refused"))
    assert running.post("clinic", DOOR, {"about": "own_code", "code": code}).status_code == 422
    assert running.leaves("refused")[entries:] == [("good", "1.0.0", "good/tell", recorded)]


@pytest.mark.parametrize("deep", ["[" * 102 + "]" * 102, '{"about":' * 500 + "1" + "}" * 500])
def test_a_body_nested_too_deep_is_the_callers_doing(running: Running, deep: str) -> None:
    faults = running.faults()
    refused = httpx.post(
        running.url + DOOR,
        content=deep,
        headers={"authorization": f"Bearer {running.tokens['clinic']}", "idempotency-key": uuid4().hex},
        timeout=30,
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    assert running.faults() == faults


def test_an_intake_for_services_takes_no_person(running: Running) -> None:
    before = running.counts()
    refused = running.post("doctor", DOOR, {"place": ANJI, "about": "多处瘀伤"})
    assert (refused.status_code, refused.json()["code"]) == (403, "service_account_required")
    assert running.counts() == before
    assert ("good", "1.0.0", "good/tell", "service_account_required") in running.leaves("refused")
    assert httpx.post(running.url + DOOR, json={}, timeout=30).json()["code"] == "sign_in_required"


def test_the_server_says_how_many_scenes_failed_and_names_none(running: Running) -> None:
    reply = httpx.get(f"{running.url}/ready", timeout=30)
    assert reply.json()["scenes"] == {
        "loaded": len(SCENES) - len(UNLOADABLE),
        "failed": len(UNLOADABLE),
    }
    assert [scene for scene in SCENES if scene in reply.text] == []


@pytest.mark.parametrize("path", [f"/r/{ANJI}/nothing/here", "/r/999999/nothing/here"])
def test_strangers_who_knock_at_doors_that_are_not_there_are_counted(
    running: Running, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert httpx.get(running.url + path, timeout=30).status_code == 404
    monkeypatch.setitem(LIMITS, "visitor", 1)
    assert httpx.get(running.url + path, timeout=30).json()["code"] == "too_many_requests"
    refused = running.post("clinic", path, {})
    assert refused.status_code == 404
    assert ("intake", "", "request", refused.json()["code"]) in running.leaves("refused")
