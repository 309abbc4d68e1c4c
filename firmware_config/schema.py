"""JSON Schema of the configuration files, for editors: `python -m firmware_config.schema` writes `schema/*.json`.

An editor that knows TOML (taplo, Even Better TOML) reads the hint `#:schema` on a file's first line. Rules between keys
are not in a schema; `refill config check` has them.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from firmware_config.broker import Broker
from firmware_config.device import DeviceConfig
from firmware_config.protocol import Protocol
from firmware_config.study import Study
from firmware_config.trial import Trial

MODELS: dict[str, type[BaseModel]] = {
    "broker": Broker,
    "device": DeviceConfig,
    "protocol": Protocol,
    "study": Study,
    "trial": Trial,
}
FOLDER: Path = Path(__file__).with_name("schema")


def schema_text(model: type[BaseModel]) -> str:
    """Return the JSON Schema (draft 2020-12) of a file as it is kept in the repository."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[str, str]:
    """Return every generated file: name and text."""
    return {f"{name}.schema.json": schema_text(model) for name, model in MODELS.items()}


def hint(name: str, folder_of_the_file: str = "") -> str:
    """Return the first line of a shipped file; `folder_of_the_file` is where it lies below this room."""
    return f"#:schema {'../' if folder_of_the_file else ''}schema/{name}.schema.json"


def write() -> list[Path]:
    """Write every file; returns their paths."""
    FOLDER.mkdir(exist_ok=True)
    paths = []
    for name, text in files().items():
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.stdout.write("".join(f"wrote {path.name}\n" for path in write()))
