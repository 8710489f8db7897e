"""Rebuild `holidays.json` from `notices.json` and the PyPI package named in SOURCES.md, byte for byte.

    python rebuild.py              fetches the package with pip
    python rebuild.py WHEEL        uses the file that you have
    python rebuild.py --check …    writes nothing, fails if the file would change

The package gives the dates, `notices.json` the notice of each year; a year without a notice is left out.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "holidays.json"
PACKAGE = "chinesecalendar-1.11.0-py2.py3-none-any.whl"
SHA256 = "9479ead6010e6001472efdf97317699882c16604c7858ba26862dc9d36d56d46"
NAMES = {
    "new_years_day": "new_year",
    "spring_festival": "spring_festival",
    "tomb_sweeping_day": "qingming",
    "labour_day": "labour_day",
    "dragon_boat_festival": "dragon_boat",
    "national_day": "national_day",
    "mid_autumn_festival": "mid_autumn",
    "anti_fascist_70th_day": "victory_70",
}


def dates(wheel: Path) -> tuple[dict[date, str], dict[date, str]]:
    """Days off and weekend days worked, with our names of the holidays; the package is read, never run."""
    with zipfile.ZipFile(wheel) as archive:
        module = ast.parse(archive.read("chinese_calendar/constants.py"))
    tables: dict[str, dict[date, str]] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            name = ast.unparse(node.targets[0])
            tables[name] = dict(map(_entry, node.value.keys, node.value.values))
    return tables["holidays"], tables["workdays"]


def _entry(key: ast.expr | None, value: ast.expr) -> tuple[date, str]:
    numbers = re.findall(r"\d+", ast.unparse(key)) if key is not None else []
    return date(*map(int, numbers)), NAMES[ast.unparse(value).split(".")[1]]


def notice_year(on: date, name: str) -> int:
    """The year whose notice speaks of `on`: a New Year holiday may begin in December."""
    return on.year + 1 if name == "new_year" and on.month == 12 else on.year


def spans(days: Mapping[date, str]) -> list[dict[str, str]]:
    """Runs of days off with one name, in order."""
    runs: list[list[Any]] = []
    for on, name in sorted(days.items()):
        if runs and runs[-1][0] == name and on - runs[-1][2] == timedelta(days=1):
            runs[-1][2] = on
        else:
            runs.append([name, on, on])
    return [{"name": name, "from": str(first), "to": str(last)} for name, first, last in runs]


def table(off: Mapping[date, str], worked: Mapping[date, str], sources: dict[str, Any]) -> dict[str, Any]:
    """The content of `holidays.json`."""
    notices = {}
    for year, notice in sources["notices"].items():
        of_year = {on: name for on, name in off.items() if notice_year(on, name) == int(year)}
        work = {on: name for on, name in worked.items() if notice_year(on, name) == int(year)}
        if not of_year:
            raise SystemExit(f"the package has no days for {year}")
        notices[year] = {
            **notice,
            "off": spans(of_year),
            "work": [{"name": name, "on": str(on)} for on, name in sorted(work.items())],
        }
    return {
        "updated": sources["updated"],
        "names": sources["names"],
        "statutes": sources["statutes"],
        "notices": notices,
    }


def render(content: dict[str, Any]) -> bytes:
    """One holiday a line, so that a notice can be read beside it."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    return (re.sub(r"\{\s+([^{}\[\]]*?)\s+\}", _one_line, text) + "\n").encode()


def _one_line(match: re.Match[str]) -> str:
    return "{" + re.sub(r"\s*\n\s*", " ", match[1]) + "}"


def fetch(folder: Path) -> Path:
    """The package, through pip."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, "chinesecalendar==1.11.0"], check=True)
    return folder / PACKAGE


def main() -> int:
    parser = argparse.ArgumentParser(description="Rebuild holidays.json; see SOURCES.md.")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("wheel", nargs="?", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = options.wheel or fetch(Path(folder))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
            parser.error(f"{wheel.name} is not the file that SOURCES.md names")
        off, worked = dates(wheel)
    built = render(table(off, worked, json.loads((HERE / "notices.json").read_bytes())))
    if options.check:
        return 0 if TARGET.read_bytes() == built else 1
    TARGET.write_bytes(built)
    return 0


if __name__ == "__main__":
    sys.exit(main())
