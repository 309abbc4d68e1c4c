"""The table of faults as text, for the bench and for docs/probe.md: `refill probe faults`."""

from typing import Any, Literal

from device.probe.faults import FAULTS, Clear, FaultCode

Language = Literal["en", "fr"]

CLEARED: dict[Clear, str] = {
    "itself": "over once vented",
    "command": "by command, once vented and the sensor sane",
    "restart": "after repair",
}


def rows() -> list[dict[str, Any]]:
    """Return one row a fault, in the order of the code."""
    return [
        {
            "code": str(code),
            "english": fault.english,
            "french": fault.french,
            "severity": fault.severity,
            "latched": fault.latched,
            "clear": fault.clear,
            "reason": str(fault.reason),
        }
        for code, fault in ((code, FAULTS[code]) for code in FaultCode)
    ]


def as_markdown(language: Language) -> str:
    """Return the table for a page, a line each: code, severity, latched, how it is cleared, reason, sentence."""
    head = "| fault | severity | latched | cleared | the record's reason | what the nurse reads |"
    lines = [
        f"| `{row['code']}` | {row['severity']} | {'yes' if row['latched'] else 'no'} | {CLEARED[row['clear']]} "
        f"| `{row['reason']}` | {_sentence(row, language)} |"
        for row in rows()
    ]
    return "\n".join([head, "|---" * head.count(" |") + "|", *lines])


def as_text(language: Language) -> str:
    """Return the table for a terminal: two lines a fault."""
    return "\n".join(
        f"{row['code']:20} {row['severity']:7} {'latched' if row['latched'] else 'not latched':12} "
        f"{CLEARED[row['clear']]}\n{'':20} {_sentence(row, language)}"
        for row in rows()
    )


def _sentence(row: dict[str, Any], language: Language) -> str:
    return str(row["english"] if language == "en" else row["french"])
