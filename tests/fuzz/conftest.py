"""How much is tried: few and the same inputs in CI; ``COLDAISLE_FUZZ=2000`` tries so many new ones of each kind."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = "COLDAISLE_FUZZ"
MOST_MEMORY_BYTES = 3 << 30  # beyond what the process has when a test begins

settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get(EXAMPLES, "100")),
    derandomize=EXAMPLES not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """A reader that asks for gigabytes gets a MemoryError, which is no answer."""
    with open("/proc/self/statm") as pages:
        now = int(pages.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
