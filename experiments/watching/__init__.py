"""A simulated hall as a page shows it."""
