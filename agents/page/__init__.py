"""The page one looks at: parts that a report carries and that a live page serves."""
