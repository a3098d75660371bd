# SPDX-License-Identifier: Apache-2.0
"""The picture: microseconds an iteration against qubits, both logarithmic, as SVG."""

from __future__ import annotations

import math
from html import escape

from benchmarks.results import Results

_WIDTH, _HEIGHT = 900, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 86, 640, 44, 462
_FAMILY = "hea"
_BOUND = "bound by layers"
_COLOURS = ("#d62728", "#1f77b4", "#7f7f7f", "#17a2b8", "#8c6d31", "#2ca02c", "#9467bd", "#e377c2")
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1a1a1a }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #d8d8d8 } .axis { stroke: #555 } .back { fill: #fff }
  .line { fill: none; stroke-width: 2 } .ours { stroke-width: 4 }
  .bound { stroke: #444; stroke-dasharray: 6 5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8e8e8 } .grid { stroke: #3a3f47 } .axis { stroke: #a0a0a0 }
    .back { fill: #1b1e24 } .bound { stroke: #c8c8c8 }
  }
"""

Points = list[tuple[int, float]]


def draw(results: Results) -> str:
    """Return the sampling loop of one family as an SVG document."""
    cells = list(results.of("sampling", _FAMILY))
    series: list[tuple[str, str, str, Points]] = []
    present = [name for name in results.ways if any(name in cell.ways for cell in cells)]
    for name, colour in zip(present, _COLOURS, strict=False):
        points = [
            (cell.qubits, cell.ways[name].microseconds.middle)
            for cell in cells
            if name in cell.ways
        ]
        way = results.ways[name]
        title = way.title if way.precision == "complex128" else f"{way.title}, {way.precision}"
        kind = "line ours" if name == "ours" else "line"
        series.append((title, kind, colour, points))
    bound = [(cell.qubits, cell.facts[_BOUND].middle) for cell in cells]
    series.append(("memory: a pass a layer", "line bound", "", bound))
    frame = _Frame(series)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
            f"<title>{escape(_title())}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="back" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
            f'<text class="title" x="{_LEFT}" y="26">{escape(_title())}</text>',
            *frame.axes([cell.qubits for cell in cells]),
            *(line for one in reversed(series) for line in frame.curve(*one)),  # ours on top
            *frame.legend(series),
            "</svg>\n",
        ]
    )


def _title() -> str:
    return f"One iteration: new parameters, 1024 shots, a dict of counts ({_FAMILY})"


class _Frame:
    """Places points between the axes."""

    def __init__(self, series: list[tuple[str, str, str, Points]]) -> None:
        points = [point for _, _, _, points in series for point in points]
        sizes = [math.log(qubits) for qubits, _ in points]
        times = [math.log10(time) for _, time in points]
        self._x = (min(sizes) - 0.05, max(sizes) + 0.05)
        self._decades = (math.floor(min(times)), math.ceil(max(times)))

    def x(self, qubits: float) -> float:
        low, high = self._x
        return _LEFT + (math.log(qubits) - low) / (high - low) * (_RIGHT - _LEFT)

    def y(self, microseconds: float) -> float:
        low, high = self._decades
        return _BOTTOM - (math.log10(microseconds) - low) / (high - low) * (_BOTTOM - _TOP)

    def axes(self, sizes: list[int]) -> list[str]:
        lines = []
        for decade in range(self._decades[0], self._decades[1] + 1):
            y = self.y(10.0**decade)
            lines += [
                f'<path class="grid" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>',
                f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_time(decade)}</text>',
            ]
        for size in sizes:
            x = self.x(size)
            lines += [
                f'<path class="grid" d="M{x:.1f} {_TOP}V{_BOTTOM}"/>',
                f'<text x="{x:.1f}" y="{_BOTTOM + 20}" text-anchor="middle">{size}</text>',
            ]
        middle, height = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
        return [
            *lines,
            f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>',
            f'<text x="{middle}" y="{_BOTTOM + 42}" text-anchor="middle">qubits</text>',
            f'<text transform="translate(20 {height}) rotate(-90)" text-anchor="middle">'
            "microseconds an iteration</text>",
        ]

    def curve(self, _title: str, kind: str, colour: str, points: Points) -> list[str]:
        path = " ".join(f"{self.x(qubits):.1f},{self.y(time):.1f}" for qubits, time in points)
        stroke = f' stroke="{colour}"' if colour else ""
        dots = [
            f'<circle cx="{self.x(qubits):.1f}" cy="{self.y(time):.1f}" r="3.5" fill="{colour}"/>'
            for qubits, time in points
            if colour
        ]
        return [f'<polyline class="{kind}"{stroke} points="{path}"/>', *dots]

    def legend(self, series: list[tuple[str, str, str, Points]]) -> list[str]:
        """Name the lines beside them, in the order of their right ends, none over another."""
        order = sorted((one for one in series if one[3]), key=lambda one: self.y(one[3][-1][1]))
        lines, y = [], float(_TOP)
        for place, (title, kind, colour, points) in enumerate(order):
            x, end = self.x(points[-1][0]), self.y(points[-1][1])
            room = _BOTTOM - 20 * (len(order) - 1 - place)
            y = min(max(end, y + 20 if place else y), room)
            stroke = f' stroke="{colour}"' if colour else ""
            lines += [
                f'<path class="grid" fill="none" d="M{x:.1f} {end:.1f}L{_RIGHT + 14} {y:.1f}"/>',
                f'<path class="{kind}"{stroke} d="M{_RIGHT + 16} {y:.1f}h22"/>',
                f'<text x="{_RIGHT + 44}" y="{y + 4:.1f}">{escape(title)}</text>',
            ]
        return lines


def _time(decade: int) -> str:
    return f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:g}"
