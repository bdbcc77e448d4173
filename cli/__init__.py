"""The `loyalty` command: the programme on this machine, tried, measured and proven."""
