"""What partner systems are told, and how it reaches them."""
