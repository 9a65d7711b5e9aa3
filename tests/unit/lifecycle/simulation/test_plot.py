"""The picture of a forecast: a document that a browser draws."""

from xml.etree import ElementTree as ET

from ca_core.lifecycle.simulation.flight import flown
from ca_core.lifecycle.simulation.plot import HEIGHT, WIDTH, svg_of
from ca_core.lifecycle.simulation.scenario import Scenario

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_holds_both_curves_and_the_phases_within_its_frame():
    """Every point of a curve lies on the picture, and a phase in the time shown is named."""
    found = flown(Scenario(agents=60))
    drawn = ET.fromstring(svg_of(found))
    curves = drawn.findall(f"{SVG}polyline")
    assert [curve.findtext(f"{SVG}title") for curve in curves] == ["asked", "signed"]
    for curve in curves:
        points = [tuple(map(float, pair.split(","))) for pair in curve.get("points").split()]
        assert len(points) == len(found.curve)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert "active" in [text.text for text in drawn.findall(f"{SVG}text")]


def test_the_highest_point_is_the_busiest_moment():
    """The scale fits what is shown."""
    found = flown(Scenario(agents=200))
    asked = ET.fromstring(svg_of(found)).findall(f"{SVG}polyline")[0]
    heights = [float(pair.split(",")[1]) for pair in asked.get("points").split()]
    most = max(range(len(found.curve)), key=lambda at: found.curve[at].asked)
    assert heights[most] == min(heights)


def test_what_was_given_up_is_drawn_too():
    """A picture without any CSR is still a picture."""
    from dataclasses import replace

    empty = replace(flown(Scenario(agents=1)), curve=(), reason="<&>", kind="<&>")
    assert "&lt;&amp;&gt;" in svg_of(empty)
    ET.fromstring(svg_of(empty))
