"""How long it takes to find 300 installed scenes: entry points and manifests read, no scene imported.

Each scene is a distribution of its own (a package and its `.dist-info`) on `sys.path`, as an installer leaves it. Prints
one JSON object with the median of several scans in fresh processes, next to opening and parsing 300 files.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

COUNT = 300

SCAN = """
import sys, time
sys.path.append(sys.argv[1])
import gongzhi.scenes.discovery as discovery
started = time.perf_counter()
found = discovery.discover()
seconds = time.perf_counter() - started
named = [scene for scene in found if scene.manifest is not None]
imported = [name for name in sys.modules if name.startswith("gongzhi_bench_")]
print(seconds, len(named), len(imported))
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        _install(site)
        scans = [_scan(site) for _ in range(7)]
        started = time.perf_counter()
        for path in site.glob("gongzhi_bench_*/scene.json"):
            json.loads(path.read_bytes())
        reading = time.perf_counter() - started
    if any(named < COUNT or imported for _, named, imported in scans):
        raise SystemExit(f"expected {COUNT} scenes and no import: {scans}")
    print(
        json.dumps(
            {
                "benchmark": "manifest_scan",
                "scenes": COUNT,
                "median_ms": round(statistics.median(seconds for seconds, _, _ in scans) * 1000, 1),
                "worst_ms": round(max(seconds for seconds, _, _ in scans) * 1000, 1),
                "scene_modules_imported": 0,
                "calibration": {"read_and_parse_300_json_ms": round(reading * 1000, 1)},
            }
        )
    )


def _install(site: Path) -> None:
    spec = find_spec("gongzhi_minor_protection")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    manifest = json.loads(
        (Path(spec.submodule_search_locations[0]) / "scene.json").read_text(encoding="utf-8")
    )
    for n in range(COUNT):
        scene = f"bench_{n}"
        package = site / f"gongzhi_{scene}"
        package.mkdir()
        (package / "__init__.py").write_text("raise RuntimeError('a manifest scan imports no scene')\n")
        (package / "scene.json").write_text(
            json.dumps({**manifest, "id": scene}, ensure_ascii=False), encoding="utf-8"
        )
        info = site / f"gongzhi_scene_{scene}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.3\nName: gongzhi-scene-{scene}\nVersion: 1.0.0\n"
        )
        (info / "entry_points.txt").write_text(f"[gongzhi.scenes]\n{scene} = gongzhi_{scene}\n")


def _scan(site: Path) -> tuple[float, int, int]:
    shutil.rmtree(site / "__pycache__", ignore_errors=True)
    printed = subprocess.run(
        [sys.executable, "-c", SCAN, str(site)], check=True, capture_output=True, text=True
    ).stdout.split()
    return float(printed[0]), int(printed[1]), int(printed[2])


if __name__ == "__main__":
    main()
