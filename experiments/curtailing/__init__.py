"""How a hall with jobs holds a load target: trials of it, and their judgement."""
