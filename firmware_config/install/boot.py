"""The Pi's boot settings: our lines of config.txt between marks, and our words in the kernel's line."""

from firmware_config.install.machine import Machine, write

CONFIG = "/boot/firmware/config.txt"
CMDLINE = "/boot/firmware/cmdline.txt"
BACKUP = ".before-refill"
REBOOT = "/run/refill-reboot-needed"
"""Gone by itself with the boot that it asks for."""

BEGIN = "# >>> refill: written by install-pi; changes between these lines are lost"
END = "# <<< refill"

WORDS = ("cgroup_enable=memory",)
"""A Raspberry Pi's kernel leaves memory accounting off, and MemoryMax= of a unit without effect (raspberrypi/linux
#6439). Some kernels of 2025 do not take the word (#6980): then the limit is missing, and nothing else."""


def with_block(text: str, fragment: str) -> str:
    """Return config.txt with our lines in their place, or at its end. `[all]` goes first: what stands before may be a
    filter for another model."""
    before, after = _around(text)
    block = f"{BEGIN}\n[all]\n{fragment.strip()}\n{END}\n"
    if after is None:
        return f"{before.rstrip()}\n\n{block}" if before.strip() else block
    return before + block + after


def without_block(text: str) -> str:
    """Return config.txt without our lines."""
    before, after = _around(text)
    if after is None:
        return before
    return before.rstrip("\n") + "\n" + after if before.strip() else after


def with_words(line: str, words: tuple[str, ...] = WORDS) -> tuple[str, list[str]]:
    """Return the kernel's one line with our words, and those that had to be added."""
    here = line.split()
    added = [word for word in words if word not in here]
    return (line.rstrip("\n") + "".join(f" {word}" for word in added) + "\n" if added else line), added


def without_words(line: str, words: list[str]) -> str:
    """Return the kernel's line without words that we added."""
    return " ".join(word for word in line.split() if word not in words) + "\n"


def text_of(machine: Machine, path: str) -> str | None:
    """Return a boot file; None on a machine that has none, which is no Pi."""
    there = machine.at(path)
    return there.read_text(encoding="utf-8", errors="surrogateescape") if there.is_file() else None


def put(machine: Machine, path: str, text: str) -> None:
    """Write a boot file; what was there before us is kept beside it, once."""
    there = machine.at(path)
    kept = there.with_name(there.name + BACKUP)
    if not kept.exists():
        write(kept, there.read_bytes())
    write(there, text.encode(errors="surrogateescape"))
    if machine.is_this_one:
        machine.at(REBOOT).touch()


def reboot_needed(machine: Machine) -> bool:
    """Whether boot settings have changed since this machine was started."""
    return machine.is_this_one and machine.at(REBOOT).exists()


def _around(text: str) -> tuple[str, str | None]:
    """Return what stands before and after our lines; None for the second where there are none of ours."""
    lines = text.splitlines(keepends=True)
    stripped = [line.strip() for line in lines]
    if BEGIN not in stripped or END not in stripped[stripped.index(BEGIN) :]:
        return text, None
    first = stripped.index(BEGIN)
    last = stripped.index(END, first)
    return "".join(lines[:first]), "".join(lines[last + 1 :])
