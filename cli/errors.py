"""What went wrong, told to the person at the keyboard: the message of every subclass says what to do next."""


class ExplainedError(Exception):
    """Ends the command with its message instead of a traceback."""
