"""Breaks the safety core in small ways, one at a time, and asks its tests whether they see it.

`python tests/probe/mutants.py` prints every mutant that survives and how many were killed; exit 0 where only those
survive that are listed below as changing nothing. There is no coverage here: a branch that no test reaches is one whose
mutants survive.
"""

import argparse
import ast
import copy
import importlib.util
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TESTS = {
    "device.probe.safety": ["test_probe_safety.py", "test_probe_safety_granted.py", "test_probe_gate.py"],
    "device.probe.gate": ["test_probe_gate.py"],
}
LONGEST_S = 20
COMPARE = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPPED = {"min": "max", "max": "min"}


@dataclass(frozen=True)
class Mutant:
    """One change of a module's source."""

    module: str
    line: int
    what: str
    source: str


def mutants(module: str) -> Iterator[Mutant]:
    """Every small change of a module: comparisons, connectives, numbers, arithmetic, calls and statements left out."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node): statement for statement in ast.walk(tree) for node in _own(statement)}
    for place, node in enumerate(ast.walk(tree)):
        for choice, what in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            target = next(other for at, other in enumerate(ast.walk(changed)) if at == place)
            _apply(target, choice)
            source = ast.unparse(ast.fix_missing_locations(changed))
            within = "" if id(node) not in statements else f" in {ast.unparse(statements[id(node)]).splitlines()[0]}"
            yield Mutant(module, getattr(node, "lineno", 0), what + within, source)


def _own(statement: ast.AST) -> list[ast.AST]:
    """The numbers of a plain statement: which of them is meant is said by where it stands."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.Return):
        return []
    return [node for node in ast.walk(statement) if isinstance(node, ast.Constant)]


def _changes(node: ast.AST) -> list[str]:
    """What can be done to a node, in words; `_apply` does the same by number."""
    if isinstance(node, ast.Compare):
        return [f"{ast.unparse(node)}: {type(op).__name__}" for op in node.ops if type(op) in COMPARE]
    if isinstance(node, ast.BoolOp):
        return [f"{ast.unparse(node)}: and <-> or"]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [f"{ast.unparse(node)}: without not"]
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        return [f"{ast.unparse(node)}: {type(node.op).__name__}"]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        return [f"{node.value}: another"]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        return [f"{ast.unparse(node)}: min <-> max"]
    if isinstance(node, ast.IfExp):
        return [f"{ast.unparse(node)}: branches swapped"]
    if isinstance(node, ast.FunctionDef | ast.If | ast.With | ast.Try):
        kept = [index for index, child in enumerate(node.body) if _can_go(child)]
        return [f"without: {ast.unparse(node.body[index]).splitlines()[0]}" for index in kept]
    return []


def _can_go(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Expr | ast.Assign | ast.If | ast.Return | ast.Try) and not docstring


def _apply(node: ast.AST, choice: int) -> None:
    if isinstance(node, ast.Compare):
        places = [index for index, op in enumerate(node.ops) if type(op) in COMPARE]
        node.ops[places[choice]] = COMPARE[type(node.ops[places[choice]])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.BinOp):
        node.op = ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value * 1.5 + 1
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        node.func.id = SWAPPED[node.func.id]
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif isinstance(node, ast.FunctionDef | ast.If | ast.With | ast.Try):
        places = [index for index, child in enumerate(node.body) if _can_go(child)]
        node.body[places[choice]] = ast.Pass()


def killed(mutant: Mutant) -> bool:
    """Run the module's tests against the mutant, in a child of this process; return whether one of them fails."""
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def _run(mutant: Mutant) -> int:
    import pytest

    # A mutant that waits for ever for a lock is seen too.
    signal.alarm(LONGEST_S)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    path = ROOT / f"{mutant.module.replace('.', '/')}.py"
    spec = importlib.util.spec_from_file_location(mutant.module, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[mutant.module] = module
    try:
        exec(compile(mutant.source, str(path), "exec"), module.__dict__)  # noqa: S102 - our own source, changed
    except Exception:  # noqa: BLE001 - a mutant that cannot even be loaded is seen by everybody
        return 1
    package, _, name = mutant.module.rpartition(".")
    setattr(sys.modules[package], name, module)
    files = [str(HERE / file) for file in TESTS[mutant.module]]
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", *files]))


CHANGES_NOTHING = (
    # Nobody looks at these before the first grant sets them; where the grant does that, they have to be killed.
    "without: self._target_kpa = 0.0",
    "0.0: another in self._target_kpa = 0.0",
    "without: self._spent = False",
    "False: another in self._spent = False",
    # Written first for whoever looks from another thread in between; the last of three writes says what it is.
    "without: self.injected = False",
    "False: another in self.injected = False",
    # A notice never latches, and what ranks highest stays highest.
    "0: another in _RANK = {'notice': 0, 'fault': 1, 'danger': 2}",
    "2: another in _RANK = {'notice': 0, 'fault': 1, 'danger': 2}",
)
"""Mutants that no test can see, each of them once."""


def survivors(every: int = 1) -> tuple[list[Mutant], int]:
    """Return the mutants that no test saw, and how many were tried: one in `every`, spread over both modules."""
    sys.path.insert(0, str(ROOT))
    # Loaded once, before the children are made: what does not depend on the module that is changed.
    import hypothesis
    import pytest

    import firmware_config.device  # noqa: F401

    assert hypothesis
    assert pytest
    tried = [mutant for module in TESTS for mutant in mutants(module)][::every]
    return [mutant for mutant in tried if not killed(mutant)], len(tried)


def main() -> int:
    """Print the survivors and the sum."""
    parser = argparse.ArgumentParser(description="Change the safety core in small ways, and see which its tests miss.")
    parser.add_argument("--every", type=int, default=1, help="try one in so many")
    left, count = survivors(parser.parse_args().every)
    known = Counter(CHANGES_NOTHING)
    unknown = []
    for mutant in left:
        known[mutant.what] -= 1
        if known[mutant.what] < 0:
            unknown.append(mutant)
    for mutant in unknown:
        print(f"survived: {mutant.module}:{mutant.line}  {mutant.what}")
    print(
        f"{count} mutants, {count - len(left)} killed, {len(left) - len(unknown)} change nothing, "
        f"{len(unknown)} survived"
    )
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
