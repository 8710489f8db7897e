"""What registered apps may be let do, in words: core's scopes and those of every scene that loads."""

from __future__ import annotations

from collections.abc import Mapping

from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError
from gongzhi.identity.actors import PLATFORM
from gongzhi.identity.scopes import CORE_SCOPES, NEVER_DELEGATED, READ, act_scope, read_scope
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene


def delegable_scopes(scenes: SceneHost) -> Mapping[str, Text]:
    """Every scope there is, with what it lets an app do, core's first; a scene that fails to load has none."""
    found = dict(CORE_SCOPES)
    for manifest in scenes.manifests():
        if manifest.id in NEVER_DELEGATED:
            continue
        try:
            found |= _of_scene(scenes.scene(manifest.id))
        except GongzhiError:
            continue
    return found


def _of_scene(scene: LoadedScene) -> dict[str, Text]:
    title = scene.title
    found = {
        read_scope(scene.id): Text(
            zh=f"查看“{title.zh}”中您有权查看的案件和文书",
            en=f"See the cases and letters of “{title.en}” that you may see",
        )
    }
    for name, spec in scene.workflow.file.actions.items():
        if name == READ or set(spec.by) <= {PLATFORM}:
            continue
        action = spec.title.text
        found[act_scope(scene.id, name)] = Text(
            zh=f"在“{title.zh}”中办理“{action.zh}”", en=f"In “{title.en}”, take the action “{action.en}”"
        )
    return found
