"""Finds where a source file changes what is not its own: a module, class or object of another package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

OWN, UNKNOWN = "own", "unknown"
MUTATORS = {"append", "add", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}
MEANT_TO_BE_SET = {
    "argparse.ArgumentParser": "its epilog and defaults",
    "argparse.Namespace": "it is its attributes",
    "reprlib.Repr": "its limits",
    "os.environ": "how a process tells libraries and its children what to do",
}
"""What has attributes or entries for others to set, and why; to set them is no patch."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Patch(NamedTuple):
    """One place that changes something.

    Attributes:
        function: the function that does, with its class, empty at the top of the file.
        target: the object and its attribute as they are written, ``*`` for attributes that are not.
    """

    function: str
    target: str


class Scope:
    """What the names of a module or function stand for.

    A value is ``OWN`` for what this package made, the dotted name of what came from another package (for an object
    of a foreign class, that of the class), or ``UNKNOWN``.
    """

    def __init__(self, package: str, outer: Scope | None = None) -> None:
        self.package, self.outer = package, outer
        self.values: dict[str, str] = {}
        self.imported: dict[str, type[ast.Import | ast.ImportFrom]] = {}

    def bind(self, name: str, value: str) -> None:
        """Let a name stand for a value; one that is bound twice stands for the one that is less ours."""
        known = self.values.get(name, OWN)
        self.values[name] = value if known == OWN or value not in (OWN, UNKNOWN) else known

    def name(self, name: str) -> str:
        """Return what a name stands for."""
        if name in self.values:
            return self.values[name]
        if self.outer is not None:
            return self.outer.name(name)
        return UNKNOWN

    def import_of(self, name: str) -> type[ast.Import | ast.ImportFrom] | None:
        """Return the kind of statement that imports a name, ``None`` if it is assigned or passed."""
        if name in self.values or self.outer is None:
            return self.imported.get(name)
        return self.outer.import_of(name)

    def value(self, node: ast.expr | None) -> str:
        """Return what an expression stands for."""
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.Attribute):
            holder = self.value(node.value)
            if self.is_dotted_import(node.value):
                return OWN if holder == OWN else f"{holder}.{node.attr}"
            return UNKNOWN if holder == OWN else holder
        if isinstance(node, ast.Call):
            called, name = self.value(node.func), ast.unparse(node.func).rpartition(".")[2]
            return UNKNOWN if called == OWN and not name.lstrip("_")[:1].isupper() else called
        return UNKNOWN

    def is_dotted_import(self, node: ast.expr) -> bool:
        """Tell whether an expression is an imported name, or an attribute of one."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and self.import_of(node.id) is not None

    def of_annotation(self, node: ast.expr | None) -> str:
        """Return what an object of an annotated type is."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        if isinstance(node, ast.BinOp):  # one of several
            kinds = {self.of_annotation(side) for side in (node.left, node.right) if ast.unparse(side) != "None"}
            return kinds.pop() if len(kinds) == 1 else UNKNOWN
        if isinstance(node, ast.Subscript):
            node = node.value
        found = self.value(node)
        return UNKNOWN if found in ("typing.Any", "typing.Callable") else found

    def import_names(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what a statement imports."""
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                origin = alias.name if alias.asname else name
            else:
                name, origin = alias.asname or alias.name, f"{node.module}.{alias.name}"
            ours = origin.partition(".")[0] == self.package or (isinstance(node, ast.ImportFrom) and node.level > 0)
            self.values[name] = OWN if ours else origin
            self.imported[name] = type(node)


def find_patches(source: str, package: str = "recbole_ile") -> list[Patch]:
    """Return each place of a source file that changes what may belong to another package.

    Found are assignments to and deletions of an attribute, ``setattr``, ``vars(...)`` and ``__dict__`` that are
    written to, and collections of an imported module that are. What is changed belongs to a name that is imported
    from elsewhere, or to an object that neither is ``self`` nor was made here, in sight, from a class of this package.

    Args:
        source: the text of the file.
        package: what is ours.
    """
    tree = ast.parse(source)
    return list(_of_body(tree, Scope(package), ""))


def _of_body(node: ast.Module | FunctionNode, scope: Scope, function: str) -> Iterator[Patch]:
    inside = list(_statements(node))
    for each in inside:
        if isinstance(each, ast.Import | ast.ImportFrom):
            scope.import_names(each)
        elif isinstance(each, ast.ClassDef | FunctionNode):
            scope.bind(each.name, OWN)
    for _ in range(2):  # a name may be assigned from one that is assigned below it, in a loop
        for each in inside:
            _bind(each, scope)
    for each in inside:
        for target in _changed(each, scope):
            yield Patch(function, target)
    for each in inside:
        if isinstance(each, FunctionNode):
            yield from _of_function(each, scope, function, None)
        elif isinstance(each, ast.ClassDef):
            yield from _of_class(each, scope, function)


def _of_class(node: ast.ClassDef, scope: Scope, function: str) -> Iterator[Patch]:
    place = f"{function}.{node.name}".lstrip(".")
    for each in _statements(node):
        if isinstance(each, FunctionNode):
            yield from _of_function(each, scope, place, node)
        elif isinstance(each, ast.ClassDef):
            yield from _of_class(each, scope, place)
        else:
            yield from (Patch(place, target) for target in _changed(each, scope))


def _of_function(node: FunctionNode, outer: Scope, place: str, owner: ast.ClassDef | None) -> Iterator[Patch]:
    scope = Scope(outer.package, outer)
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for argument in (*arguments, *filter(None, (node.args.vararg, node.args.kwarg))):
        scope.values[argument.arg] = outer.of_annotation(argument.annotation)
    static = any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)
    if owner is not None and not static and arguments:
        scope.values[arguments[0].arg] = OWN
    yield from _of_body(node, scope, f"{place}.{node.name}".lstrip("."))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Give every node within one, but what is in functions and classes within it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.ClassDef | FunctionNode | ast.Lambda):
            yield from _statements(child)


def _bind(node: ast.AST, scope: Scope) -> None:
    """Learn from a statement what its names stand for."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.bind(target.id, scope.value(node.value))
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for part, value in zip(target.elts, node.value.elts, strict=False):
                    if isinstance(part, ast.Name):
                        scope.bind(part.id, scope.value(value))
            else:
                _bind_unknown(target, scope)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        scope.bind(node.target.id, scope.of_annotation(node.annotation))
    elif isinstance(node, ast.NamedExpr):
        scope.bind(node.target.id, scope.value(node.value))
    elif isinstance(node, ast.For | ast.comprehension):
        _bind_unknown(node.target, scope)
    elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
        scope.bind(node.optional_vars.id, scope.value(node.context_expr))


def _bind_unknown(target: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            _bind_unknown(each, scope)
    elif isinstance(target, ast.Starred):
        _bind_unknown(target.value, scope)
    elif isinstance(target, ast.Name):
        scope.bind(target.id, UNKNOWN)


def _changed(node: ast.AST, scope: Scope) -> Iterator[str]:
    """Give what a node changes of something that may not be ours."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        targets = [node.target]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        targets = [node.optional_vars]
    for target in targets:
        yield from _changed_target(target, scope)
    if isinstance(node, ast.Call):
        yield from _changed_by_call(node, scope)


def _changed_target(target: ast.expr, scope: Scope) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _changed_target(each, scope)
    elif isinstance(target, ast.Starred):
        yield from _changed_target(target.value, scope)
    elif isinstance(target, ast.Attribute):
        yield from _foreign(target.value, target.attr, scope)
    elif isinstance(target, ast.Subscript):
        yield from _changed_entries(target.value, target.slice, scope)


def _changed_by_call(call: ast.Call, scope: Scope) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] in ("setattr", "delattr", "__setattr__", "__delattr__") and len(call.args) >= 2:
        yield from _foreign(call.args[0], _text(call.args[1]), scope)
    elif isinstance(call.func, ast.Attribute) and call.func.attr in MUTATORS:
        collection = call.func.value
        is_module = isinstance(collection, ast.Name) and scope.import_of(collection.id) is ast.Import
        if not is_module:  # np.append is a function
            yield from _changed_entries(collection, None, scope)


def _changed_entries(collection: ast.expr, key: ast.expr | None, scope: Scope) -> Iterator[str]:
    """Give what changes when entries of a collection do: attributes, or the state of an imported module."""
    if isinstance(collection, ast.Call) and ast.unparse(collection.func) == "vars" and collection.args:
        yield from _foreign(collection.args[0], _text(key), scope)
    elif isinstance(collection, ast.Attribute) and collection.attr == "__dict__":
        yield from _foreign(collection.value, _text(key), scope)
    elif isinstance(collection, ast.Attribute | ast.Name) and scope.is_dotted_import(collection):
        value = scope.value(collection)
        if value != OWN and value not in MEANT_TO_BE_SET:
            yield ast.unparse(collection)


def _foreign(holder: ast.expr, attribute: str, scope: Scope) -> Iterator[str]:
    value = scope.value(holder)
    if value != OWN and value not in MEANT_TO_BE_SET:
        yield f"{ast.unparse(holder)}.{attribute}"


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "*"
