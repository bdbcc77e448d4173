from tests.embedded.conftest import partner, stack

__all__ = ["partner", "stack"]
