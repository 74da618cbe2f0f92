"""What a policy saved on a building: a randomised switchback, judged by randomisation and by regression."""
