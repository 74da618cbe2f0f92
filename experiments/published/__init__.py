"""Published numbers beside ours: the rows by subject, the page that a command writes; ``coldaisle published``."""


def run() -> None:
    """``coldaisle published``: measure every row and write the page."""
    from experiments.published.page import run as write

    write()
