"""Rules and policies in a second plant: what the verb `transfer` prints."""
