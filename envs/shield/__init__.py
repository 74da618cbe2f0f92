"""The shield: any setpoints become the nearest safe ones, with the reason of every change."""
