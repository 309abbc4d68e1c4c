"""The pieces that every view is drawn from: boxes, texts and pictures that we made ourselves."""

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


def box(classes: str = "", tag: str = "div") -> Element:
    """Return an empty box, to be filled in a `with`; one that scrolls can be reached by a keyboard."""
    made = ui.element(tag).classes(classes)
    if "scroll" in classes.split():
        made.props["tabindex"] = "0"
    return made


def text(content: str, classes: str = "", tag: str = "div") -> TextElement:
    """Return a text; it is shown as it is, never read as HTML."""
    return TextElement(tag=tag, text=content).classes(classes)


def picture(svg: str, classes: str) -> ui.html:
    """Return a picture of ours; nothing that somebody typed may stand in it."""
    return ui.html(svg, sanitize=False).classes(classes)
