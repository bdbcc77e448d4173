"""What a programme file says that is surely or perhaps not what was meant, and what it costs at most."""
