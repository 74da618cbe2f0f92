"""What a hall has measured: reading, screening, naming and simulating it."""
