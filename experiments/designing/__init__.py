"""What to build: designs of a hall as sites of one batch, their years, their costs, and which of them are best."""
