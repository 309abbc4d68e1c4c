"""A process of its own that looks at every reading: the page's own has one interpreter lock, and people wait for it.

Started by `trial.page.standing`. It takes on its standard input where the database is and which study, as a line of
JSON (no password may stand on a command line), and writes a `Counted` to its standard output, pickled. It gives way to
everything else on the machine.
"""

import json
import os
import pickle
import sys
from contextlib import suppress
from datetime import UTC, datetime

from firmware_config.study import Study
from trial.crf_files import AlteredError
from trial.database import open_database
from trial.page.counted import count

NICER: int = 5
ALTERED: int = 3
"""Exit code where a stored reading is not as its device sealed it; standard error says which."""


def main() -> int:
    """Count, and write what was found."""
    with suppress(OSError):  # a sandbox may refuse even that
        os.nice(NICER)
    asked = json.loads(sys.stdin.readline())
    engine = open_database(asked["database"])
    try:
        with engine.connect() as connection:
            found = count(connection, Study.model_validate(asked["study"]), datetime.now(UTC))
    except AlteredError as error:
        sys.stderr.write(f"{error}\n")
        return ALTERED
    finally:
        engine.dispose()
    sys.stdout.buffer.write(pickle.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
