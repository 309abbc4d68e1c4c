"""Times on the wire: RFC 3339 and nothing else.

pydantic by itself also takes digits in quotes for a time, and guesses from their number whether they are seconds or
milliseconds; a trial's record must leave nothing to guess.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

RFC_3339: str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-5][0-9])$"


class _Written:
    """Holds what comes from JSON to the written form; Python's own datetimes pass as before."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of either side."""
        in_python = handler(source)
        text = core_schema.str_schema(pattern=RFC_3339)
        # The last link is the same as in Python: pydantic writes a time by it.
        read = core_schema.no_info_after_validator_function(datetime.fromisoformat, text)
        return core_schema.json_or_python_schema(core_schema.chain_schema([read, in_python]), in_python)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return what is published: the standard's own name for the form."""
        del schema, handler
        return {"type": "string", "format": "date-time"}


Time = Annotated[AwareDatetime, _Written]
"""A time with its offset from UTC, to the microsecond."""
