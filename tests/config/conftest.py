import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import services
from tests.servers import new_state


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory with a cluster and no running servers."""
    state = new_state("config")
    yield state
    services.stop(state)
    shutil.rmtree(state)
