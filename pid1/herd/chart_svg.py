"""``herd analyze --svg``: the boot chart as a picture, a bar for each service's start."""

from __future__ import annotations

from pid1.herd.analyze import Boot, Start

_ROW = 18
_TOP = 46
_LEFT = 14
_CHART = 800
"""Pixels that the whole boot is wide."""
_LETTER = 6.7
"""Pixels that a letter of the labels is wide, about."""

_STYLE = """\
text { font: 11px sans-serif; fill: #222 }
.title { font-size: 14px }
.grid { stroke: #ddd }
.running { fill: #7fb069 }
.stopped { fill: #8fb4d9 }
.starting { fill: #e9c46a }
.failed { fill: #d1495b }
.critical { stroke: #222; stroke-width: 1.5 }
"""

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw_chart(boot: Boot) -> str:
    """Return the picture; services on the critical path have a border."""
    last = max((start.begin for start in boot.starts), default=0.0)
    span = max(boot.duration, last, 0.001)
    critical = {start.service for start in boot.critical_path()}
    longest = max((len(_label(start)) for start in boot.starts), default=0)
    width = int(_LEFT + _CHART + longest * _LETTER + 20)
    bottom = _TOP + _ROW * len(boot.starts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 14}" '
        f'viewBox="0 0 {width} {bottom + 14}">\n<style>\n{_STYLE}</style>\n'
        f'<text class="title" x="{_LEFT}" y="20">'
        f"{len(boot.starts)} services in {boot.duration:.3f}s</text>\n"
    ]
    step = next((step for step in _STEPS if span / step <= 12), _STEPS[-1])
    tick = 0.0
    while tick <= span:
        x = _x(tick, span)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{bottom}"/>\n'
            f'<text x="{x:.1f}" y="{_TOP - 12}" text-anchor="middle">{tick:g}s</text>\n'
        )
        tick = round(tick + step, 6)
    for row, start in enumerate(boot.starts):
        parts.append(_bar(start, _TOP + row * _ROW, span, start.service in critical))
    parts.append("</svg>\n")
    return "".join(parts)


def _bar(start: Start, y: int, span: float, critical: bool) -> str:
    x = _x(start.begin, span)
    end = _x(span if start.end is None else start.end, span)
    kind = f"{start.outcome} critical" if critical else start.outcome
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{max(end - x, 1.5):.1f}" '
        f'height="{_ROW - 5}"><title>{_escape(_label(start))}, '
        f"from {start.begin:.3f}s</title></rect>\n"
        f'<text x="{end + 5:.1f}" y="{y + _ROW - 8}">{_escape(_label(start))}</text>\n'
    )


def _label(start: Start) -> str:
    if start.end is None:
        return f"{start.name} (still starting)"
    failed = ", failed" if start.outcome == "failed" else ""
    return f"{start.name} ({start.took:.3f}s{failed})"


def _x(seconds: float, span: float) -> float:
    return _LEFT + _CHART * seconds / span


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
