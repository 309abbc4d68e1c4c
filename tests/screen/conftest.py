from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from screen_bench import Tried, a_browser, tried


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests of a file."""
    with a_browser() as found:
        yield found


@pytest.fixture(scope="module")
def bedside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    """A bedside on simulated skin whose presses are short; a file that needs another has its own."""
    with tried(tmp_path_factory.mktemp("screen"), "--crt", "1.0") as running:
        yield running
