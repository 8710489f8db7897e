"""The SDL of installed scenes, without a store: `python -m gongzhi_graphql.sdl minor_protection`.

It is what a region shows in which these scenes are enabled, to everybody but administrators.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gongzhi.host import SceneView
from gongzhi.scenes.host import SceneHost
from gongzhi_graphql.compose import Composer


def sdl(scene_ids: Sequence[str], scenes: SceneHost) -> str:
    """The schema definition of a view with these scenes.

    Raises `SceneIncompatible` or `SceneFault` for a scene that is not there or doesn't load, and `RuntimeError`
    for one whose types can't be made.
    """

    def fail(scene_id: str, version: str, reason: str) -> None:
        raise RuntimeError(f"{scene_id} {version}: {reason}")

    return Composer([], fail).view(_view(scene_id, scenes) for scene_id in sorted(scene_ids)).sdl


def _view(scene_id: str, scenes: SceneHost) -> SceneView:
    scene = scenes.scene(scene_id)
    return SceneView(
        id=scene.id,
        version=scene.version,
        title=scene.title,
        summary=scene.manifest.summary.text,
        namespace=scene.namespace,
        case_schema=scene.case_schema,
        types=scene.types,
    )


if __name__ == "__main__":
    sys.stdout.write(sdl(sys.argv[1:], SceneHost()))
