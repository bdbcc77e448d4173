"""What is told of a programme file that can be read, but may not do what was meant. Values only, pure."""

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[int | str, ...]
"""Where something stands in a programme file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing. `code` is stable, `message` says what is wrong and what would be right, `serious`: surely so."""

    path: Path
    code: str
    message: str
    serious: bool = False
