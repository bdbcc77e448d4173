"""Plots as SVG: bars and stacked columns. The page draws them in its own colours, light or dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 720
_ROW, _GAP, _LABEL = 20, 8, 200
_HEIGHT, _FOOT = 220, 34


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle; `tone` picks its colour, `title` is told on pointing at it."""

    x: float
    y: float
    width: float
    height: float
    tone: int
    title: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A text; `anchor` as in SVG."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Plot:
    """Shapes and captions on a surface of this size."""

    title: str
    width: int
    height: int
    shapes: Sequence[Shape]
    captions: Sequence[Caption]
    legend: Sequence[str] = ()


def bars(title: str, values: Mapping[str, int], told: Mapping[str, str]) -> Plot:
    """One bar for each value, from left to right. `told`: what stands behind each."""
    most = max([*values.values(), 1])
    room = WIDTH - _LABEL - 150
    shapes, captions = [], []
    for i, (name, value) in enumerate(values.items()):
        y = i * (_ROW + _GAP)
        width = max(0.0, round(room * value / most, 1))
        shapes.append(Shape(_LABEL, y, width, _ROW, 0, f"{name}: {told[name]}"))
        captions.append(Caption(_LABEL - 10, y + _ROW * 0.72, _short(name), "end"))
        captions.append(Caption(_LABEL + width + 8, y + _ROW * 0.72, told[name]))
    return Plot(title, WIDTH, max(1, len(values)) * (_ROW + _GAP), shapes, captions)


def columns(title: str, labels: Sequence[str], parts: Mapping[str, Sequence[int]]) -> Plot:
    """One column for each label, of the parts stacked from the bottom."""
    most = max([sum(values) for values in zip(*parts.values(), strict=True)] + [1])
    step = WIDTH / max(1, len(labels))
    shapes, captions = [], []
    every = -(-len(labels) // 12)
    for i, label in enumerate(labels):
        y = float(_HEIGHT)
        for tone, (name, values) in enumerate(parts.items()):
            height = round(_HEIGHT * values[i] / most, 1)
            y -= height
            shapes.append(
                Shape(round(i * step + 2, 1), y, round(step - 4, 1), height, tone, f"{label} {name}: {values[i]:,}")
            )
        if i % every == 0:
            captions.append(Caption(round((i + 0.5) * step, 1), _HEIGHT + 18, label, "middle"))
    legend = list(parts) if len(parts) > 1 else []
    return Plot(title, WIDTH, _HEIGHT + _FOOT, shapes, captions, legend)


def distribution(title: str, values: Sequence[int], told: "dict[int, str]") -> Plot:
    """How many lie in each of up to 24 steps of equal width; `told` names the bounds."""
    bounds = sorted(told)
    parts = [0] * (len(bounds) - 1)
    width = bounds[1] - bounds[0]
    for value in values:
        parts[min(max((value - bounds[0]) // width, 0), len(parts) - 1)] += 1
    return columns(title, [told[bound] for bound in bounds[:-1]], {"members": parts})


def steps(values: Sequence[int]) -> list[int]:
    """Bounds of equal steps around nearly all values: what lies outside goes to the first and the last."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 100], ordered[-1 - len(ordered) // 100]
    width = _round_up(max(1, (high - low) // 20))
    first = low // width * width
    return [first + i * width for i in range((high - first) // width + 2)]


def _round_up(width: int) -> int:
    """To 1, 2 or 5 with zeros."""
    ten = int(10 ** (len(str(width)) - 1))
    return next(ten * n for n in (1, 2, 5, 10) if ten * n >= width)


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
