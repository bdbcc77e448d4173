"""The only writer of points: accounts, lots, entries, and the publishing of what was committed."""
