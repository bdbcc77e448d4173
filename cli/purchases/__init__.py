"""Past purchases: read from files, kept in columns, for every command that replays or sends them."""
