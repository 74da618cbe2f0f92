"""Benchmarks: frozen tasks, what they play, their pages, and the leaderboard."""
