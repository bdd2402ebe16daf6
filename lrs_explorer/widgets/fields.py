"""Small parts that controls are made of: labelled fields, notes, and telling user from program.

ipywidgets puts a tooltip on few inputs, and on none that has a description. So a label here is a
separate element that carries the tooltip; `lrs_explorer.widgets.style.Tooltips` hands it on.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets
from traitlets import HasTraits

__all__ = [
    "UserChanges",
    "button",
    "checkbox",
    "close_all",
    "counted",
    "field",
    "heading",
    "note_box",
    "note_html",
    "replace_children",
    "row",
]


class UserChanges:
    """Calls back for changes the user makes, not for those made from Python under `silence`."""

    def __init__(self) -> None:
        self._silenced = 0

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Set control values inside without any callback."""
        self._silenced += 1
        try:
            yield
        finally:
            self._silenced -= 1

    def watch(self, control: HasTraits, react: Callable[[], None]) -> None:
        """Call ``react()`` when the user changes the ``value`` of ``control``."""

        def changed(_change: Any) -> None:
            if not self._silenced:
                react()

        control.observe(changed, names="value")


def field(label: str, control: ipywidgets.DOMWidget, *, width: str = "78px") -> ipywidgets.HBox:
    """Return ``control`` with a text before it that carries the control's tooltip as well."""
    control.layout.width = width
    control.layout.flex = "0 0 auto"
    tooltip = html.escape(control.tooltip or "")
    text = ipywidgets.HTML(f'<span class="lrs-label" title="{tooltip}">{html.escape(label)}</span>')
    return ipywidgets.HBox([text, control]).add_class("lrs-field")


def checkbox(text: str, tooltip: str, value: bool = False) -> ipywidgets.Checkbox:
    """Return a checkbox whose text carries the tooltip: ipywidgets would leave it out."""
    label = f'<span title="{html.escape(tooltip)}">{html.escape(text)}</span>'
    return ipywidgets.Checkbox(
        value=value,
        description=label,
        description_allow_html=True,
        tooltip=tooltip,
        indent=False,
        layout={"width": "auto", "flex": "0 0 auto"},
    )


def row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Return a line of controls that wraps when it is too long."""
    return ipywidgets.HBox(list(children)).add_class("lrs-row")


def button(
    text: str, tooltip: str, on_click: Callable[[], None], *, width: str = "auto"
) -> ipywidgets.Button:
    """Return a button that calls ``on_click()``.

    It has words or a plain character: Voilà fetches icon fonts from a server, in vain when offline.
    """
    made = ipywidgets.Button(description=text, tooltip=tooltip)
    made.layout.width = width
    made.layout.flex = "0 0 auto"
    made.on_click(lambda _button: on_click())
    return made


def close_all(widgets: Iterable[ipywidgets.Widget]) -> None:
    """Close widgets and all that they are made of, here and in the browser.

    Whatever else is made of the same parts loses them, too.
    """
    left, seen = list(widgets), set()
    while left:
        widget = left.pop()
        if widget in seen:
            continue
        seen.add(widget)
        for value in widget._trait_values.values():
            parts = value.values() if isinstance(value, dict) else value
            parts = parts if isinstance(value, (dict, list, tuple)) else [value]
            left += [part for part in parts if isinstance(part, ipywidgets.Widget)]
    for widget in seen:
        widget.close()


def replace_children(box: ipywidgets.Box, children: Iterable[ipywidgets.Widget]) -> None:
    """Put widgets into a box, and close those that were in it and are no longer."""
    former, box.children = box.children, tuple(children)
    close_all(set(former) - set(box.children))


def counted(number: int, noun: str) -> str:
    """Return number and noun: "No regions", "1 region", "2 regions"."""
    return f"1 {noun}" if number == 1 else f"{number or 'No'} {noun}s"


def heading(text: str) -> ipywidgets.HTML:
    """Return a line that names what follows."""
    return ipywidgets.HTML(f'<span class="lrs-heading">{html.escape(text)}</span>')


def note_html(text: str, kind: str = "note") -> str:
    """Return ``text``, escaped, as a small remark; ``kind`` is "note", "warning" or "hint"."""
    if not text:
        return ""
    return f'<span class="lrs-{kind}">{html.escape(text)}</span>'


def note_box() -> ipywidgets.HTML:
    """Return room for remarks, which takes none while it is empty: put it below what it is on."""
    return ipywidgets.HTML()
