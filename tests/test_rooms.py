"""The rooms and who may import whom, held against the source; and what must stay true between rooms."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from contract.reasons import REASONS, Reason

HERE = Path(__file__).resolve().parent.parent

GROUND = {"vision", "contract", "firmware_config", "web"}
BESIDE = {"calibration", *GROUND}
MAY_IMPORT: dict[str, set[str]] = {
    "vision": set(),
    "contract": set(),
    "firmware_config": set(),
    "web": set(),
    "calibration": GROUND,
    "device": BESIDE,
    "trial": BESIDE,
    "phantom": BESIDE,
    "refill": {"device", "trial", "phantom", *BESIDE},
}
FREE = {"tests", "benchmarks"}
HEAVY = ("numpy", "cv2", "pydantic", "matplotlib", "sqlalchemy", "paho", "gpiozero", "amqtt")


def _literal_imports(call: ast.Call) -> list[str]:
    """Modules named in `importlib.import_module("x")`, `import_module("x")` or `__import__("x")`."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("import_module", "__import__") or not call.args:
        return []
    first = call.args[0]
    return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []


def imported(source: str) -> set[str]:
    """Every top-level module that a source imports, wherever the import stands; a relative import is none."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Call):
            found |= set(_literal_imports(node))
    return {name.split(".")[0] for name in found}


def violations(root: Path) -> list[str]:
    """Every import of the tree at `root` that the picture of the rooms does not allow."""
    wrong = []
    for room, allowed in MAY_IMPORT.items():
        for path in sorted((root / room).rglob("*.py")):
            ours = imported(path.read_text(encoding="utf-8")) & {*MAY_IMPORT, *FREE}
            wrong += [f"{path.relative_to(root)} imports {name}" for name in sorted(ours - allowed - {room})]
    return wrong


@pytest.mark.slow
def test_no_room_imports_what_stands_above_or_beside_it() -> None:
    assert violations(HERE) == []


def test_every_package_of_the_tree_is_a_room_of_the_picture() -> None:
    packages = {path.parent.name for path in HERE.glob("*/__init__.py")}
    assert packages <= {*MAY_IMPORT, *FREE}
    assert {"vision", "contract", "firmware_config", "device", "trial", "phantom", "refill"} <= packages


@pytest.mark.parametrize(
    ("room", "source", "names"),
    [
        ("vision", "import contract.reading", "contract"),
        ("contract", "from vision.signal import haemoglobin", "vision"),
        ("firmware_config", "def f():\n    import calibration.light as light", "calibration"),
        ("calibration", "from device import probe", "device"),
        ("calibration", "from phantom.spec import PressSpec", "phantom"),
        ("device", "import numpy, trial.ingest", "trial"),
        ("device", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from phantom import world", "phantom"),
        ("trial", "class A:\n    def f(self):\n        from device.journal import store", "device"),
        ("trial", "try:\n    import phantom\nexcept ImportError:\n    pass", "phantom"),
        ("phantom", "import importlib\nx = importlib.import_module('device.probe')", "device"),
        ("phantom", "x = __import__('refill.cli')", "refill"),
        ("device", "from refill import cli", "refill"),
        ("device", "from tests.device import device_bench", "tests"),
    ],
)
def test_a_forbidden_import_would_be_seen(tmp_path: Path, room: str, source: str, names: str) -> None:
    (tmp_path / room / "deep").mkdir(parents=True)
    (tmp_path / room / "deep" / "inner.py").write_text(source)
    assert violations(tmp_path) == [f"{room}/deep/inner.py imports {names}"]


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("vision", "import numpy\nfrom vision import tone\nfrom . import signal"),
        ("calibration", "from vision import tone\nimport contract.reading, firmware_config.protocol"),
        ("device", "from calibration import light\nfrom device.clock import Clock"),
        ("refill", "import device, trial, phantom, calibration, vision, contract, firmware_config"),
        ("tests", "import refill, device, trial, phantom"),
        ("benchmarks", "import refill, device, trial, phantom"),
        ("contract", "'''import device'''\n# import trial"),
    ],
)
def test_an_allowed_import_is_left_alone(tmp_path: Path, room: str, source: str) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "inner.py").write_text(source)
    assert violations(tmp_path) == []


def reason_codes(source: str) -> set[str]:
    """Codes that a source of `vision` can name as a reason: strings returned, or given as `reason=`."""
    codes: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.Return) or (isinstance(node, ast.keyword) and node.arg == "reason"):
            values = [node.value]
        while values:
            value = values.pop()
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                codes.add(value.value)
            elif isinstance(value, ast.IfExp):
                values += [value.body, value.orelse]
            elif isinstance(value, ast.BoolOp):
                values += value.values
    return codes


def test_every_reason_of_vision_stands_in_the_contract() -> None:
    files = [HERE / "vision" / "press.py", *(HERE / "vision" / "quality").glob("*.py")]
    codes = set().union(*(reason_codes(file.read_text()) for file in files))
    assert codes - {str(reason) for reason in Reason} == set()
    # The checker sees them all: returned plainly, by a choice, and given by name.
    assert {"second_press", "glare", "camera_settings_moved", "no_release"} <= codes


def test_an_unknown_reason_would_be_seen() -> None:
    source = "def f(x):\n    return 'glare' if x else 'ghost'\ny = replace(a, reason='spirit')\nz = f() or 'no_return'"
    assert reason_codes(source) == {"glare", "ghost", "spirit"}


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    for reason in Reason:
        assert REASONS[reason].english.strip()
        assert REASONS[reason].french.strip()


@pytest.mark.slow
def test_help_answers_without_loading_what_it_does_not_need() -> None:
    script = (
        "import sys\nfrom refill.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "analyse" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "LOADED []"
