"""The finished pages: what stands on them, and what must not."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pylopdf_fonts_zh_cn
import pytest
import typst
from pypdf import PdfReader

from gongzhi.cases.documents import render
from gongzhi.cases.masking import Sight, masked_view
from gongzhi.scenes.discovery import discover
from gongzhi.scenes.loading import LoadedScene, load

from .test_schemas import IDENTITY, REPORTER, WHOLE

HOSPITAL = "湖州市第一人民医院"
HIDDEN = "（报告单位已隐去）"


@pytest.fixture(scope="module")
def scene() -> LoadedScene:
    """The scene as the host loads it."""
    return load(next(one for one in discover() if one.id == "minor_protection"))


def values(scene: LoadedScene, role: str, **letter: Any) -> dict[str, Any]:
    """What the host hands to a template: the letter, and the addressee's own view of the case."""
    reads = scene.manifest.roles[role].reads
    sight = Sight(role=role, reads=reads, at_once=reads)
    view = masked_view(scene.case_schema, WHOLE, sight, minor=scene.manifest.minor)
    head = {
        "number": "湖一医强报〔2026〕1号",
        "title": "",
        "from": HOSPITAL,
        "to": "安吉县公安局",
        "department": "",
        "basis": "未成年人保护法第十一条第二款",
        "is_copy": False,
        "copies": ["安吉县人民检察院", "安吉县民政局"],
        "date": "2026年11月22日",
    }
    return {"letter": {**head, **letter}, "case": view.data, "masked": list(view.masked)}


def page(scene: LoadedScene, document: str, role: str, **letter: Any) -> str:
    """The text of the finished PDF, spaces and line ends taken out."""
    pdf = render(scene.folder / scene.documents[document].template, values(scene, role, **letter))
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", "", text)


def test_the_report_form_tells_the_police_everything(scene: LoadedScene) -> None:
    """Whom, what, who reports, by which law, with copies to whom."""
    text = page(scene, "report_form", "police")
    wanted = (
        HOSPITAL,
        "湖一医强报〔2026〕1号",
        "侵害未成年人案件强制报告表",
        "安吉县公安局：",
        "（四）未成年人身体存在多处损伤",
        "陈小雨",
        "2012年5月6日",
        "000000201205060027",
        "女14周岁",
        "多处瘀青",
        "照片",
        "王医生",
        "抄送：安吉县人民检察院，安吉县民政局。",
    )
    assert [part for part in wanted if part not in text] == []


def test_mp_17_the_procuratorates_copy_names_the_child_and_no_reporter(scene: LoadedScene) -> None:
    """Neither the person nor the organ."""
    text = page(scene, "report_form", "procuratorate", **{"from": HIDDEN, "number": "", "is_copy": True})
    assert "陈小雨" in text and "抄送件" in text and "依法保密，不在抄送件上载明" in text
    assert [part for part in (*REPORTER, HOSPITAL, HIDDEN) if part in text] == []


@pytest.mark.parametrize("role", ["health", "education", "civil_affairs"])
def test_mp_17_the_triage_notice_names_nobody(scene: LoadedScene, role: str) -> None:
    """Situation, urgency, sex and age."""
    text = page(scene, "report_notice", role, **{"from": HIDDEN, "number": "", "is_copy": True})
    assert "（四）未成年人身体存在多处损伤" in text and "女14周岁" in text
    assert [part for part in (*IDENTITY, *REPORTER, HOSPITAL, "多处瘀青") if part in text] == []


def test_mp_17_even_data_handed_over_by_mistake_stays_off_a_copy(scene: LoadedScene) -> None:
    """The template asks whether it is a copy, whatever the view holds."""
    text = page(scene, "report_form", "police", is_copy=True, **{"from": HIDDEN, "number": ""})
    assert "王医生" not in text and "0572-0000000" not in text


def test_mp_19_the_feedback_letter_answers_the_reporting_organ(scene: LoadedScene) -> None:
    """Registration, number, progress, explanation; and its copy does not name that organ."""
    police = {"from": "安吉县公安局", "number": "安公强报馈〔2026〕1号"}
    text = page(scene, "feedback_letter", "reporter", to=HOSPITAL, **police)
    wanted = (f"{HOSPITAL}：", "立案（刑事）", "12号", "正在调查", "已立案", "安公强报馈〔2026〕1号")
    assert [part for part in wanted if part not in text] == []
    copy = page(scene, "feedback_letter", "procuratorate", to="安吉县人民检察院", is_copy=True, **police)
    assert "报告单位（信息依法保密）：" in copy and "抄送件" in copy
    assert [part for part in (*REPORTER, HOSPITAL) if part in copy] == []


def test_mp_20_the_notice_before_prosecution_gives_the_day(scene: LoadedScene) -> None:
    """To the reporting organ."""
    text = page(scene, "prosecution_notice", "reporter", to=HOSPITAL, **{"from": "安吉县公安局"})
    assert "拟于2026年12月30日移送审查起诉" in text and f"{HOSPITAL}：" in text


def test_mp_21_the_referral_says_whom_and_what_to_help_with(scene: LoadedScene) -> None:
    """And leaves the evidence out."""
    text = page(scene, "referral_form", "social_work", to="安吉县社工站", **{"from": "安吉县人民检察院"})
    assert all(part in text for part in ("陈小雨", "13800000000", "心理干预", "由女性社工首次接触"))
    assert [part for part in ("多处瘀青", "000000201205060027", *REPORTER) if part in text] == []


def test_what_people_wrote_is_set_as_text_and_never_run(scene: LoadedScene) -> None:
    """Typst code, markup and quotes in a field come out as they went in."""
    given = values(scene, "police")
    given["case"]["facts"] = '#read("/scene.json") *粗* $x$ "引号" \\ <a> @b //c'
    pdf = render(scene.folder / "documents/report_form.typ", given)
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf)).pages)
    assert '#read("/scene.json") *粗* $x$ "引号" \\ <a> @b //c' in text.replace("\n", "")


def test_a_sparse_report_can_be_set_too(scene: LoadedScene) -> None:
    """A foundling: no name, no birth date, no guardian, no reporter."""
    given = values(scene, "police")
    given["case"] = {"situations": ["ABANDONED"], "age_years": 0, "facts": "凌晨在急诊门口发现"}
    for document in scene.documents.values():
        assert render(scene.folder / document.template, given).startswith(b"%PDF")


def test_the_pages_need_no_font_of_the_machine(scene: LoadedScene) -> None:
    """Every glyph is embedded from a Chinese font; none is missing."""
    pdf = render(scene.folder / "documents/report_form.typ", values(scene, "police"))
    fonts = {
        str(font.get_object()["/BaseFont"])
        for sheet in PdfReader(io.BytesIO(pdf)).pages
        for font in sheet["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert fonts
    assert all("+" in name for name in fonts)


def test_the_head_is_red_and_the_page_is_a4(scene: LoadedScene) -> None:
    """Looked at as a picture: red at the head, white in the margin, 210 by 297 millimetres."""
    template = scene.folder / "documents/report_form.typ"
    svg = typst.compile(
        str(template),
        root=str(scene.folder),
        sys_inputs={"data": orjson.dumps(values(scene, "police")).decode()},
        font_paths=[str(pylopdf_fonts_zh_cn.serif_path().parent)],
        format="svg",
    )
    first = (svg[0] if isinstance(svg, list) else svg).decode()
    assert "#d7000f" in first
    pdf = PdfReader(io.BytesIO(render(template, values(scene, "police"))))
    box = pdf.pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == (595, 842)


def test_the_same_values_give_the_same_pages_from_many_threads(scene: LoadedScene) -> None:
    """The worker renders off the event loop, several letters at once."""
    template, given = scene.folder / "documents/report_notice.typ", values(scene, "health")
    with ThreadPoolExecutor(4) as pool:
        pdfs = set(pool.map(lambda _: render(template, given), range(12)))
    assert len(pdfs) == 1


def test_a_template_reads_nothing_outside_its_scene(tmp_path: Path) -> None:
    """The root of a template is its package."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "scene" / "documents"
    folder.mkdir(parents=True)
    (folder / "x.typ").write_text('#read("/../secret.txt")')
    with pytest.raises(typst.TypstError):
        render(folder / "x.typ", {})
