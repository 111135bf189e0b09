"""The lint of what a board runs: integers only, no wall clock, no module a board lacks, hardware in one file."""

import ast
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
FOLDER = REPO / "firmware" / "binroom"
# What MicroPython has frozen in or built in on both ports, micropython-lib's logging, and our own.
ALLOWED = {"asyncio", "binascii", "gc", "json", "logging", "machine", "network", "os", "ssl", "sys", "time", "firmware"}
HARDWARE = {"machine": {"board.py", "boot_main.py"}, "network": {"wifi.py"}}
CLOCKS = {"time", "time_ns", "gmtime", "localtime", "mktime", "sleep"}
FLOAT_CALLS = {"float", "complex"}
MATH_NAMES = {"random", "uniform", "e", "pi"}


def complaints(name: str, source: str) -> list[str]:
    """What is wrong with a file, one line each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        line = f"{name}:{getattr(node, 'lineno', 0)}: "
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            found.append(line + f"float literal {node.value!r}")
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            found.append(line + "true division")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.UnaryOp):
            found.append(line + "negative power")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FLOAT_CALLS:
            found.append(line + f"{node.func.id}()")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "time" and node.attr in CLOCKS:
                found.append(line + f"time.{node.attr}: a board has no clock, and sleeps in milliseconds")
            if node.value.id == "asyncio" and node.attr in {"sleep", "wait_for"}:
                found.append(line + f"asyncio.{node.attr} takes floats; use its _ms twin")
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found += [line + text for text in _imports(name, node)]
    return found


def _imports(name: str, node: ast.Import | ast.ImportFrom) -> list[str]:
    modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    found = []
    for module in modules:
        top = module.split(".")[0]
        if top not in ALLOWED:
            found.append(f"import {module}: not on a board")
        if name not in HARDWARE.get(top, {name}):
            found.append(f"import {module}: only {' '.join(sorted(HARDWARE[top]))} may")
        if top == "firmware" and module not in ("firmware", "firmware.wire") and ".binroom" not in module:
            found.append(f"import {module}: a unit knows the wire only")
        if isinstance(node, ast.ImportFrom) and node.level:
            found.append("relative import")
    return found


def all_complaints() -> list[str]:
    """The complaints of every file of the unit."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        found += complaints(path.name, path.read_text())
    return found
