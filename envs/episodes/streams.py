"""A random stream for each site, of which a few words are kept: a generator itself takes most of a kilobyte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORD, _HALF_WORD = 64, 32
_MASK = (1 << _WORD) - 1


class Streams:
    """The streams of `numpy.random.default_rng` for seeds ``first``, ``first + 1``, and so on.

    Parameters
    ----------
    first : int
    sites : int
    """

    def __init__(self, first: int, sites: int) -> None:
        self._words = np.zeros((sites, 5), np.uint64)  # state and increment of PCG64, and half a draw that is left
        self._generator = np.random.default_rng(0)
        for k in range(sites):
            self.seed(k, first + k)

    def __len__(self) -> int:
        return len(self._words)

    def seed(self, site: int, seed: int) -> None:
        """Begin the stream of a site anew."""
        self.set_state(site, np.random.PCG64(seed).state)

    def each(self, where: Sequence[int] | NDArray[np.intp]) -> Iterator[np.random.Generator]:
        """The generator of each of some sites; it is good until the next one is asked for."""
        bits = self._generator.bit_generator
        for site in where:
            bits.state = self.state(site)
            yield self._generator
            self.set_state(site, bits.state)

    def state(self, site: int) -> dict[str, Any]:
        """State of a stream, as numpy's ``bit_generator.state`` has it."""
        high, low, inc_high, inc_low, left = self._words[site].tolist()
        return {
            "bit_generator": "PCG64",
            "state": {"state": high << _WORD | low, "inc": inc_high << _WORD | inc_low},
            "has_uint32": left >> _HALF_WORD,
            "uinteger": left & (_MASK >> _HALF_WORD),
        }

    def set_state(self, site: int, state: Mapping[str, Any]) -> None:
        """Put a stream where `state` found it."""
        words = [part for x in (state["state"]["state"], state["state"]["inc"]) for part in (x >> _WORD, x & _MASK)]
        self._words[site] = (*words, state["has_uint32"] << _HALF_WORD | state["uinteger"])
