"""Our own functions and classes as text, with everything of their module that they use."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from types import ModuleType


def sources(module: ModuleType, names: Iterable[str]) -> list[str]:
    """The source of these functions, classes and constants of a module, and of what they use, in the module's order."""
    text = inspect.getsource(module)
    lines = text.splitlines()
    defined = {name: node for node in ast.parse(text).body for name in _names(node)}
    wanted = list(names)
    for name in wanted:  # grows while it is read
        used = {node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)}
        wanted += [other for other in defined if other in used and other not in wanted]
    chosen = {id(defined[name]): defined[name] for name in defined if name in wanted}
    return ["\n".join(lines[_first(node) - 1 : node.end_lineno]) for node in chosen.values()]


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
