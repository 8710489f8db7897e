"""A real OIDC provider (npm `oidc-provider`) as a process of its own, and the file that names it to an installation."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gongzhi.app import Application

from .. import node

HERE = Path(__file__).parent
SECRET = "between the two of us"

STAFF = "zzd"
CITIZENS = "zlb"
PASSWORD = "clear water 7"
POLICE_USCC = "91330100799655058B"

PEOPLE: dict[str, dict[str, str]] = {
    "uid-wang": {"code": "wang", "uscc": POLICE_USCC, "name": "王安"},
    "uid-elsewhere": {"code": "wang", "uscc": "914403001922038216", "name": "王安"},
    "uid-namesake": {"code": "wang", "uscc": POLICE_USCC, "name": "王平"},
    "uid-stranger": {"code": "nobody-here", "uscc": POLICE_USCC, "name": "赵钱"},
    "uid-admin": {"code": "head", "uscc": POLICE_USCC, "name": "钟管"},
    "uid-citizen": {"name": "陈律", "level": "3"},
    "uid-unproved": {"name": "陈律", "level": "1"},
}
"""Who signs in at the provider by typing the key; the claims it gives."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class OidcProvider:
    """The provider. Each start makes fresh signing keys, so starting it again is a rotation of keys."""

    folder: Path
    redirect_base: str
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def install(self) -> None:
        """The provider and what it needs, from the lock file."""
        node.install(HERE, self.folder)

    def start(self) -> None:
        clients = [
            {
                "client_id": f"gongzhi-{id}",
                "client_secret": SECRET,
                "redirect_uris": [f"{self.redirect_base}/auth/oidc/{id}/callback"],
            }
            for id in (STAFF, CITIZENS)
        ]
        told = self.folder / "people.json"
        told.write_text(json.dumps({"clients": clients, "people": PEOPLE}), encoding="utf-8")
        self._process = subprocess.Popen(
            [node.NODE, "provider.mjs", str(self.port), told.name],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=node.environment(),
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def configuration(self) -> Path:
        """A file for `GONGZHI_OIDC`: staff by employee code, citizens by link only."""
        path = self.folder / "providers.toml"
        (self.folder / "secret").write_text(SECRET + "\n", encoding="utf-8")
        path.write_text(
            f"""
[providers.{STAFF}]
kind = "staff"
title = {{ zh = "浙政钉", en = "Staff sign-in" }}
issuer = "{self.issuer}"
client_id = "gongzhi-{STAFF}"
client_secret_file = "secret"
scopes = ["openid", "profile"]
match_login = true
claims = {{ login = "code", organ = "uscc", name = "name" }}

[providers.{CITIZENS}]
kind = "citizen"
title = {{ zh = "浙里办", en = "Citizens' sign-in" }}
issuer = "{self.issuer}"
client_id = "gongzhi-{CITIZENS}"
client_secret_file = "secret"
scopes = ["openid", "profile"]
required = {{ level = ["3", "4"] }}
""",
            encoding="utf-8",
        )
        return path


async def populate(application: Application) -> None:
    """Anji's police with a credit code, and four people: a handler, two administrators, a lawyer. `head` has a password."""
    directory, long_ago = application.host.directory, date(2020, 1, 1)
    async with application.host.store.unit_of_work() as uow:
        police = await directory.organ_add(
            uow,
            name="安吉县公安局",
            name_en="Anji police",
            type="police",
            level="county",
            region="330523",
            valid_from=long_ago,
            uscc=POLICE_USCC,
        )
        for login, name, duty in (
            ("wang", "王安", "handler"),
            ("head", "钟管", "system_admin"),
            ("chen", "陈律", "handler"),
            ("guard", "安守", "security_admin"),
        ):
            post = await directory.post_add(
                uow,
                person_id=await directory.person_add(uow, name=name),
                organ_id=police.id,
                title="科员",
                duties=[duty],
                valid_from=long_ago,
            )
            password = PASSWORD if login == "head" else None
            await directory.account_add(uow, login=login, post_id=post, password=password)


def form_of(page: str) -> str:
    """Where the provider's sign-in page sends its form."""
    found = re.search(r'<form[^>]+action="([^"]+)"', page)
    assert found is not None, page[:300]
    return found.group(1)
