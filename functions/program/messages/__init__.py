"""What members are told: which messages there are, and their words."""
