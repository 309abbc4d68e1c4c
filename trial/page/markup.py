"""Pieces of HTML that the pages are made of. Every text goes through `escape`: what a device sent is no markup."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from urllib.parse import urlencode

Cell = str | int | float | None | datetime


class Markup(str):
    """HTML that was made here, and is not escaped again."""

    __slots__ = ()


def text(value: Cell) -> str:
    """Return a value as escaped text; times in UTC to the minute, nothing as nothing."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.2f}"
    return escape(str(value))


def link(address: str, words: str) -> Markup:
    """Return a link."""
    return Markup(f'<a href="{escape(address, quote=True)}">{escape(words)}</a>')


def frozen_line(sentence: str | None) -> Markup:
    """Return a line that says what is frozen, nothing where nothing is."""
    return Markup(f'<p class="frozen">{escape(sentence)}</p>' if sentence else "")


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], caption: str) -> Markup:
    """Return a table with its heads; numbers stand to the right."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    said = f'<caption class="quiet">{escape(caption)}</caption>'
    return Markup(f'<table class="list">{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _cell(value: Cell) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f'<td class="number">{text(value)}</td>' if number else f"<td>{text(value)}</td>"


def select(name: str, label: str, options: Sequence[str], chosen: str | None) -> Markup:
    """Return a choice of a filter form; the first option is everything."""
    made = ['<option value="">all</option>']
    for option in options:
        marked = " selected" if option == chosen else ""
        made.append(f'<option value="{escape(option, quote=True)}"{marked}>{escape(option)}</option>')
    return Markup(f'<label>{escape(label)}<select name="{name}">{"".join(made)}</select></label>')


def entry(name: str, label: str, value: str | None) -> Markup:
    """Return a text field of a filter form."""
    shown = escape(value or "", quote=True)
    return Markup(f'<label>{escape(label)}<input name="{name}" value="{shown}" maxlength="12" size="8"></label>')


def form(address: str, parts: Iterable[Markup]) -> Markup:
    """Return a filter form: what it asks for stands in the address, which can be sent to a colleague."""
    return Markup(f'<form class="filter" method="get" action="{address}">{"".join(parts)}<button>Show</button></form>')


def pager(address: str, query: dict[str, str], number: int, pages: int) -> Markup:
    """Return links to the page before and after."""
    steps = [
        link(f"{address}?{urlencode({**query, 'page': str(other)})}", words)
        for words, other in (("before", number - 1), ("after", number + 1))
        if 0 <= other < pages
    ]
    said = f"page {number + 1} of {max(pages, 1)} {' '.join(steps)}"
    return Markup(f'<nav class="row quiet" aria-label="pages of the list">{said}</nav>')
