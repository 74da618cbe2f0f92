"""A site's stream is that of a generator of its own, whoever is asked between its draws."""

import numpy as np

from envs.episodes.streams import Streams


def drawn(rng: np.random.Generator) -> tuple[float, int, int, float]:
    """Draws of each width: an odd count of small integers leaves half a word behind."""
    return rng.normal(), int(rng.integers(2**31)), int(rng.integers(7, dtype=np.uint32)), rng.uniform()


def test_every_site_draws_what_a_generator_of_its_own_would_draw() -> None:
    streams, own = Streams(11, 3), [np.random.default_rng(11 + k) for k in range(3)]
    for where in ([0, 1, 2], [2], [1, 0], [2, 1]):
        found = [drawn(rng) for rng in streams.each(where)]
        assert found == [drawn(own[k]) for k in where]


def test_a_stream_goes_on_from_a_state_that_numpy_wrote_or_that_it_wrote_itself() -> None:
    rng = np.random.default_rng(5)
    drawn(rng)
    streams = Streams(0, 2)
    streams.set_state(1, rng.bit_generator.state)
    assert streams.state(1) == rng.bit_generator.state
    (found,) = (drawn(other) for other in streams.each([1]))
    assert found == drawn(rng)
    streams.seed(1, 5)
    assert streams.state(1) == np.random.default_rng(5).bit_generator.state
