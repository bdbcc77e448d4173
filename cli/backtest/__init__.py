"""What a programme would have given for past purchases: read them, replay them, show what came of it."""
