"""Forecasts judged: halls, scores, tables and pages of the verb `forecast`."""
