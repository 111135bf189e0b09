"""The page of what a cell costs reckons right."""

import ast
import operator
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "capacity.md"
SUMS = re.findall(r"`([\d\s.()+*/-]+) = ([\d.]+)`", PAGE.read_text(encoding="utf-8"))
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
ROUNDED = 0.02  # a figure is written with two or three digits


def value_of(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](value_of(node.left), value_of(node.right))
    assert isinstance(node, ast.Constant)
    return float(node.value)


def test_the_page_has_its_arithmetic():
    assert len(SUMS) >= 20


@pytest.mark.parametrize(("sum_", "result"), SUMS)
def test_a_line_of_the_page_adds_up(sum_, result):
    assert value_of(ast.parse(sum_.strip(), mode="eval").body) == pytest.approx(float(result), rel=ROUNDED)
