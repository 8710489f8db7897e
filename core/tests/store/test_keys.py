"""Keys are made once, kept private, and never replaced behind anybody's back."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gongzhi.errors import KeyUnreadable
from gongzhi.store import KeyFolder, Store
from gongzhi.store.keys import KEYS
from gongzhi.testing import TestDatabase


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_and_its_files_are_private(folder: Path) -> None:
    KeyFolder.open(folder)
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir() if mode(path) != 0o600} == {}
    assert sorted(path.stem for path in folder.glob("*.key")) == sorted(KEYS)


def test_keys_stay_what_they_are_and_differ_from_each_other(folder: Path) -> None:
    first, second = KeyFolder.open(folder), KeyFolder.open(folder)
    secrets = {name: first.secret(name) for name in KEYS}
    assert {name: second.secret(name) for name in KEYS} == secrets
    assert len(set(secrets.values())) == len(KEYS)
    assert {len(secret) for secret in secrets.values()} == {32}


def test_a_signing_key_signs(folder: Path) -> None:
    signature = KeyFolder.open(folder).audit_signing.sign(b"checkpoint")
    KeyFolder.open(folder).audit_signing.public_key().verify(signature, b"checkpoint")


def test_another_key_is_made_when_first_asked_for(folder: Path) -> None:
    made = KeyFolder.open(folder).secret("webhook")
    assert KeyFolder.open(folder).secret("webhook") == made


def test_processes_that_start_at_once_get_the_same_keys(folder: Path) -> None:
    script = (
        "import pathlib, sys; from gongzhi.store import KeyFolder; "
        "print(KeyFolder.open(pathlib.Path(sys.argv[1])).fingerprints())"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_a_missing_key_is_not_made_anew(folder: Path) -> None:
    KeyFolder.open(folder)
    (folder / "row.key").unlink()
    with pytest.raises(KeyUnreadable, match=r"row\.key.*missing"):
        KeyFolder.open(folder)
    assert not (folder / "row.key").exists()


def test_another_key_in_its_place_is_refused(folder: Path) -> None:
    KeyFolder.open(folder)
    (folder / "row.key").write_bytes(bytes(32))
    with pytest.raises(KeyUnreadable, match="not the key"):
        KeyFolder.open(folder)


def test_a_key_cut_short_is_refused(folder: Path) -> None:
    KeyFolder.open(folder)
    (folder / "master.key").write_bytes(b"short")
    with pytest.raises(KeyUnreadable, match="it has 5 bytes, not 32"):
        KeyFolder.open(folder)


def test_a_broken_manifest_is_refused(folder: Path) -> None:
    KeyFolder.open(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(KeyUnreadable, match=r"manifest\.json"):
        KeyFolder.open(folder)


@pytest.mark.parametrize("name", ["", "master.key"])
def test_a_key_that_others_can_open_is_refused(folder: Path, name: str) -> None:
    KeyFolder.open(folder)
    (folder / name).chmod(0o644 if name else 0o755)
    with pytest.raises(KeyUnreadable, match="chmod"):
        KeyFolder.open(folder)


def test_a_start_that_was_killed_between_key_and_manifest_goes_on(folder: Path) -> None:
    first = KeyFolder.open(folder).secret("master")
    (folder / "manifest.json").unlink()
    (folder / "row.key").unlink()
    again = KeyFolder.open(folder)
    assert again.secret("master") == first
    assert set(again.fingerprints()) == set(KEYS)


def test_a_message_names_the_key_and_never_holds_it(folder: Path) -> None:
    secret = KeyFolder.open(folder).secret("row")
    (folder / "row.key").write_bytes(secret[:-1])
    with pytest.raises(KeyUnreadable) as refusal:
        KeyFolder.open(folder)
    assert refusal.value.message("zh") == "密钥文件 row.key 不可用：长度为 31 字节，应为 32。"


async def test_data_without_its_key_folder_is_refused(
    store: Store, database: TestDatabase, tmp_path: Path
) -> None:
    await store.migrate()
    shutil.rmtree(store.home / "keys")
    with pytest.raises(KeyUnreadable, match="missing"):
        await Store.open(home=store.home, database_url=store.database_url)
    assert list((store.home / "keys").glob("*.key")) == []


async def test_data_with_another_homes_keys_is_refused(store: Store, tmp_path: Path) -> None:
    await store.migrate()
    KeyFolder.open((tmp_path / "other").resolve())
    other = tmp_path / "stranger"
    other.mkdir()
    shutil.copytree(tmp_path / "other", other / "keys")
    with pytest.raises(KeyUnreadable, match="not the key"):
        await Store.open(home=other, database_url=store.database_url)


async def test_of_two_homes_on_a_new_database_the_first_to_migrate_wins(
    database: TestDatabase, tmp_path: Path
) -> None:
    name = await database.create()
    url = database.url_of(name)
    first = await Store.open(home=tmp_path / "first", database_url=url)
    second = await Store.open(home=tmp_path / "second", database_url=url)
    try:
        await first.migrate()
        with pytest.raises(KeyUnreadable, match="not the key"):
            await second.migrate()
    finally:
        await first.close()
        await second.close()
        await database.drop(name)
