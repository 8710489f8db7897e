"""Legal documents as PDF: a scene's typst template, filled with values that it reads as `sys.inputs.data` (JSON).

Fonts: those of `font_paths` (an office's own 仿宋 and 小标宋), the template's folder `fonts`, the system's, and always
Noto Serif SC and Noto Sans SC, so that a page can be set on any machine. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import orjson
import pylopdf_fonts_zh_cn
import typst

from gongzhi.declarations import Json


def render(template: Path, values: Mapping[str, Json], font_paths: Sequence[Path] = ()) -> bytes:
    """The PDF of `template` with `values`; the same values give the same pages.

    `template` lies in a folder of the scene's package and may read the package's other files by absolute path, such
    as `/schemas/parts.json`. Takes about 50 ms after the first time. Raises `typst.TypstError` for a broken template.
    """
    own = tuple(str(path) for path in (*font_paths, template.parent / "fonts") if path.is_dir())
    compiler = typst.Compiler(
        input=str(template),
        root=str(template.parent.parent),
        font_paths=_fonts(own),
        sys_inputs={"data": orjson.dumps(values).decode()},
    )
    pdf = compiler.compile(format="pdf")
    if not isinstance(pdf, bytes):
        raise TypeError(f"{template.name}: typst answered no PDF")
    return pdf


@lru_cache(maxsize=16)
def _fonts(paths: tuple[str, ...]) -> typst.Fonts:
    """Fonts of these folders and the shipped ones, looked up once: reading their tables takes longer than a page."""
    shipped = str(pylopdf_fonts_zh_cn.serif_path().parent)
    return typst.Fonts(font_paths=[*paths, shipped])
