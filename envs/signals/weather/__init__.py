"""Outdoor weather: files, climates and the generator."""
