"""The rules, their reference page and their tests agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gongzhi.clock import RULES, CountingRule

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "reference" / "legal-clock.md"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_page_states_every_rule_with_its_source(rule: CountingRule) -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = page.split(f"### {rule.id} ", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    said = re.sub(r"\s+", "", section)
    for text in (rule.text, rule.source):
        assert re.sub(r"\s+", "", text.zh) in said
        assert re.sub(r"\s+", "", text.en) in said


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_is_named_by_a_test(rule: CountingRule) -> None:
    tests = (HERE / "test_counting.py").read_text(encoding="utf-8")
    assert f"def test_{rule.id.lower().replace('-', '_')}_" in tests


def test_the_page_states_no_rule_that_we_lack() -> None:
    assert set(re.findall(r"^### (CLK-\d+) ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == RULES.keys()


def test_the_page_s_example_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    code, printed = re.search(r"```python\n(.*?)```\s+```text\n(.*?)```", page, re.DOTALL).groups()  # type: ignore[union-attr]
    exec(compile(code, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == printed
