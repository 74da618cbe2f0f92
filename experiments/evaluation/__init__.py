"""Evaluation: episodes, splits, scores, gates, statistics and figures."""
