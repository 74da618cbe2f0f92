"""The hook of the documentation site: tutorials become pages, links stay whole or become names."""

from __future__ import annotations

import pytest

docs_site = pytest.importorskip("scripts.docs_site", reason="the extra [docs] is not installed", exc_type=ImportError)


@pytest.mark.parametrize(
    ("target", "source", "page", "expected"),
    [
        ("../README.md#demo", "docs/index.md", "index.md", "[x](start.md#demo)"),
        ("docs/handbook/protocol.md", "README.md", "start.md", "[x](handbook/protocol.md)"),
        ("../known-gaps.md", "docs/handbook/stack.md", "handbook/stack.md", "[x](../known-gaps.md)"),
        ("docs/tutorials/a.py", "CONTRIBUTING.md", "contributing.md", "[x](tutorials/a.md)"),
        ("../envs/core.py", "docs/speed.md", "speed.md", "x (`envs/core.py`)"),
        ("#here", "docs/speed.md", "speed.md", "[x](#here)"),
        ("https://example.org/a.md", "docs/speed.md", "speed.md", "[x](https://example.org/a.md)"),
    ],
)
def test_a_link_leads_to_the_sites_page_or_names_the_file(target: str, source: str, page: str, expected: str) -> None:
    assert docs_site.mended("x", target, source, page) == expected


def test_a_tutorials_prose_and_code_come_in_turn() -> None:
    script = "# %% [markdown]\n# # Title\n#\n# Words.\n\n# %%\nx = 1\n# %% [markdown]\n# End.\n"
    assert docs_site.tutorial_page(script) == "# Title\n\nWords.\n\n```python\nx = 1\n```\n\nEnd.\n"


def test_a_star_stands_for_every_page_that_matches_with_the_index_first() -> None:
    (api,) = docs_site.starless([{"API": ["api/*.md"]}])
    assert api["API"][0] == "api/index.md" and api["API"][1:] == sorted(api["API"][1:])
