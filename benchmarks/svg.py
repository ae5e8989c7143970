"""Bar charts as SVG files that follow the reader's light or dark scheme."""

from __future__ import annotations

from html import escape

from benchmarks.plan import Bars

WIDTH, ROW, BAR, TOP, SIDE = 720, 30, 18, 56, 16
LETTER = 7.2
"""Width of a letter at 13 px, on the wide side."""

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .unit, .value { fill: #59636e; }
  .value { font-variant-numeric: tabular-nums; }
  .back { fill: #ffffff; }
  .track { fill: #eff2f5; }
  .bar { fill: #9aa4b0; }
  .own { fill: #3b6fd4; }
  .bound { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .unit, .value { fill: #9198a1; }
    .back { fill: #0d1117; }
    .track { fill: #1c2128; }
    .bar { fill: #656e79; }
    .own { fill: #6c9cf5; }
    .bound { stroke: #e6edf3; }
  }
"""


def bars(chart: Bars) -> str:
    """The chart; bars that are ours stand out, and every bar has its number, so that colour alone says nothing."""
    height = TOP + ROW * len(chart.values) + SIDE + (ROW if chart.bound else 0)
    start = SIDE + LETTER * max(len(label) for label in chart.values) + 10
    room = WIDTH - start - SIDE - 80
    most = max(*chart.values.values(), chart.bound or 0, 1e-9)
    spoken = "; ".join(f"{label}: {_number(value)} {chart.unit}" for label, value in chart.values.items())
    if chart.bound:
        spoken += f"; to be at most {_number(chart.bound)} {chart.unit}"
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    label = f"{escape(chart.title)}. {escape(spoken)}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="8"/>',
        f'<text class="title" x="{SIDE}" y="30">{escape(chart.title)}</text>',
        f'<text class="unit" x="{WIDTH - SIDE}" y="30" text-anchor="end">{escape(chart.unit)}</text>',
    ]
    for at, (label, value) in enumerate(chart.values.items()):
        y = TOP + at * ROW
        length = max(2.0, room * max(value, 0) / most)
        kind = "bar own" if label in chart.own else "bar"
        lines += [
            f'<text x="{start - 10:.0f}" y="{y + 14}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="track" x="{start:.0f}" y="{y}" width="{room:.0f}" height="{BAR}" rx="4"/>',
            f'<rect class="{kind}" x="{start:.0f}" y="{y}" width="{length:.0f}" height="{BAR}" rx="4"/>',
            f'<text class="value" x="{WIDTH - SIDE}" y="{y + 14}" text-anchor="end">{_number(value)}</text>',
        ]
    if chart.bound:
        lines += _bound(chart.bound, start + room * chart.bound / most, height - SIDE, chart.unit)
    return "\n".join([*lines, "</svg>", ""])


def _bound(bound: float, x: float, bottom: float, unit: str) -> list[str]:
    """A dashed line over all bars, and what it is."""
    return [
        f'<line class="bound" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 6}" y2="{bottom - 16:.0f}"/>',
        f'<text x="{x:.0f}" y="{bottom:.0f}" text-anchor="end">at most {_number(bound)} {unit}</text>',
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"
