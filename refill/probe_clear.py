"""Clearing a latched fault, in the name of whoever has looked."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from device.probe.faults import FaultCode
from device.probe.link import FaultCleared, ProbeClient, ProbeUnreachableError, Refused
from device.probe.messages import OperatorCode
from device.probe.pressing import WAIT_S, BenchError, events_until

_CODE: TypeAdapter[str] = TypeAdapter(OperatorCode)


def is_operator_code(text: str) -> bool:
    """Return whether `text` can stand for an operator on the link."""
    try:
        _CODE.validate_python(text)
    except ValidationError:
        return False
    return True


def clear_fault(socket_path: Path, code: FaultCode, operator: str) -> str:
    """Have the fault cleared and return what to say of it; raises `BenchError` with the probe's refusal."""
    client = ProbeClient(socket_path)
    try:
        client.poll()
        client.clear_fault(operator)
        for event in events_until(client, WAIT_S, lambda event: isinstance(event, FaultCleared | Refused)):
            if isinstance(event, FaultCleared):
                return f"{event.code} cleared by {operator}"
            if isinstance(event, Refused) and event.command == "clear_fault":
                raise BenchError(event.sentence)
    except ProbeUnreachableError as error:
        raise BenchError(str(error)) from error
    finally:
        client.close()
    raise BenchError(f"{code}: the probe does not say that it is cleared")
