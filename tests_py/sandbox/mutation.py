"""Programs with one small fault each, made from right ones: an operator, a constant or a returned value is another."""

from __future__ import annotations

import ast
import copy
import random
import warnings
from collections.abc import Callable, Iterator

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitXor,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def other_constant(value: object) -> object:
    """A value of the same kind that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return value + "x" if isinstance(value, str) else value


def faults(node: ast.AST) -> Iterator[Callable[[ast.AST], None]]:
    """What can be done to one node, each as a function that does it to a copy."""

    def operator(name: str, to: type[ast.AST], at: int | None = None) -> Callable[[ast.AST], None]:
        def change(target: ast.AST) -> None:
            if at is None:
                setattr(target, name, to())
            else:
                getattr(target, name)[at] = to()

        return change

    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in OPERATORS:
        yield operator("op", OPERATORS[type(node.op)])
    if isinstance(node, ast.Compare):
        for at, each in enumerate(node.ops):
            yield operator("ops", OPERATORS[type(each)], at)
    if isinstance(node, ast.Constant) and other_constant(node.value) != node.value:
        yield lambda target: setattr(target, "value", other_constant(target.value))  # type: ignore[attr-defined]
    if isinstance(node, ast.Return) and node.value is not None:
        yield lambda target: setattr(target, "value", ast.Constant(None))
        yield lambda target: setattr(target, "value", ast.Tuple([target.value], ast.Load()))  # type: ignore[attr-defined]


def mutants(source: str, count: int, seed: int) -> list[str]:
    """As many as `count` different mutants of a program; the same ones every time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # old programs hold invalid escapes
        warnings.simplefilter("ignore", DeprecationWarning)
        tree = ast.parse(source)
    places = [(at, fault) for at, node in enumerate(ast.walk(tree)) for fault in range(len(list(faults(node))))]
    random.Random(seed).shuffle(places)
    found: list[str] = []
    for at, fault in places:
        mutant = copy.deepcopy(tree)
        node = list(ast.walk(mutant))[at]
        list(faults(node))[fault](node)
        text = ast.unparse(ast.fix_missing_locations(mutant))
        if text not in found:
            found.append(text)
        if len(found) == count:
            break
    return found
