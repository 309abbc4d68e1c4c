"""Values in files as sites write them, by chance: what is read afterwards is what was meant, and nothing else moved."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from calibration.toml_edit import with_values

NAMES = st.sampled_from(["a", "b", "lock", "zero_kpa", "x-y"])
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(min_value=-(10**9), max_value=10**9)
)
COMMENTS = st.sampled_from(["", " # measured", " # [a] = { b = 1 }", "\t#"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Tables and keys in any order and form, each once."""
    lines = ["# a device\n"]
    for table in draw(st.lists(NAMES, unique=True, max_size=4)):
        lines.append(f"[{table}]{draw(COMMENTS)}\n")
        for name in draw(st.lists(NAMES, unique=True, max_size=4)):
            form = draw(st.integers(0, 3))
            text = {
                0: f"{name} = {draw(NUMBERS)!r}",
                1: f'{name} = "text # {draw(NUMBERS)!r}"',
                2: f"{name} = [{draw(NUMBERS)!r},\n  {draw(NUMBERS)!r}, # last\n]",
                3: f"{name} = {{ a = {draw(NUMBERS)!r}, lock = {draw(NUMBERS)!r} }}",
            }[form]
            indent, blank = draw(st.sampled_from(["", "  "])), draw(st.sampled_from(["", "\n"]))
            lines.append(f"{indent}{text}{draw(COMMENTS)}\n{blank}")
    return "".join(lines)


@given(files(), NAMES, NAMES, st.one_of(NUMBERS, st.tuples(NUMBERS, NUMBERS)))
def test_only_what_was_meant_is_changed(text: str, table: str, name: str, value: float | tuple[float, ...]) -> None:
    meant = tomllib.loads(text)
    meant.setdefault(table, {})[name] = list(value) if isinstance(value, tuple) else value
    changed = with_values(text, {f"{table}.{name}": value})
    assert tomllib.loads(changed) == meant
    kept = [line for line in text.splitlines() if line.strip().startswith("#")]
    assert [line for line in changed.splitlines() if line.strip().startswith("#")] == kept
