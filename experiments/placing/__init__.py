"""Racks to come onto positions: the hall, what limits it, greedy rules, the integer program, the replay, the page."""
