# SPDX-License-Identifier: Apache-2.0
"""Compiles a program's source so that it reads attributes that are gone through a helper."""

from __future__ import annotations

import ast
from types import CodeType
from typing import Any

HELPER = "__qruntime_attribute__"
"""The name under which the helper stands in the builtins of the program."""

_ANNOTATED = frozenset({"annotation", "returns"})


def compile_program(source: bytes, filename: str, names: frozenset[str]) -> CodeType:
    """Compile source; each reading of an attribute in ``names`` becomes a call of the helper.

    Lines and columns stay as they are, and nothing else changes. Raises SyntaxError or ValueError
    as ``compile`` does.
    """
    tree = ast.parse(source, filename)
    if not any(isinstance(node, ast.Attribute) and node.attr in names for node in ast.walk(tree)):
        return compile(source, filename, "exec", dont_inherit=True)
    rewrite(tree, names)
    try:
        return compile(tree, filename, "exec", dont_inherit=True)
    except RecursionError:
        return compile(source, filename, "exec", dont_inherit=True)


def rewrite(tree: ast.Module, names: frozenset[str]) -> None:
    """Change a module's tree in place, as ``compile_program`` does."""
    left_alone = _ANNOTATED if _has_text_annotations(tree) else frozenset()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for field, value in ast.iter_fields(node):
            if field not in left_alone and not isinstance(node, ast.pattern):
                _replace(node, field, value, names)
                waiting.extend(_nodes(getattr(node, field)))
            elif isinstance(node, ast.pattern):
                waiting.extend(item for item in _nodes(value) if isinstance(item, ast.pattern))


def _replace(node: ast.AST, field: str, value: Any, names: frozenset[str]) -> None:
    if isinstance(value, list):
        value[:] = [_wrapped(item, names) for item in value]
    elif isinstance(value, ast.AST):
        setattr(node, field, _wrapped(value, names))


def _wrapped(node: Any, names: frozenset[str]) -> Any:
    if not (isinstance(node, ast.Attribute) and node.attr in names):
        return node
    if not isinstance(node.ctx, ast.Load):
        return node
    helper = ast.copy_location(ast.Name(HELPER, ast.Load()), node)
    name = ast.copy_location(ast.Constant(node.attr), node)
    return ast.copy_location(ast.Call(helper, [node.value, name], []), node)


def _nodes(value: Any) -> list[ast.AST]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, ast.AST)]


def _has_text_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )
