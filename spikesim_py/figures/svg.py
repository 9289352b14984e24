"""Words and frames of figures that are files: SVGs that need nothing but a browser to be seen."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .style import FONT, INK, PAPER


def text(x: float, y: float, label: str, colour: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{colour}" text-anchor="{anchor}">{escape(label)}</text>'


def document(width: float, height: float, body: str) -> str:
    """A whole file, `width` x `height` pixels."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{escape(FONT)}">\n'
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>\n{body}\n</svg>\n'
    )
