"""Tables: exact values at hand, unknowns explained, every cell escaped."""

from html.parser import HTMLParser

import pandas as pd
import pytest

from small_history import HOSTILE
from workbench.present.tables import Column, Table


class Cells(HTMLParser):
    """The cells of a table as a browser reads them: text and title."""

    def __init__(self, table):
        super().__init__()
        self.cells, self.tags, self._open = [], set(), False
        self.feed(table._repr_html_())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append(["", dict(attrs)])
            self._open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data):
        if self._open:
            self.cells[-1][0] += data


def shown(table):
    return [text for text, _ in Cells(table).cells]


def test_figures_share_a_unit_in_the_head_and_carry_their_exact_value():
    frame = pd.DataFrame({"name": ["a", "b"], "size": [204_400_123, 30_000]})
    cells = Cells(Table(frame, [Column("name", "Name"), Column("size", "Size", "bytes")])).cells
    assert [text for text, _ in cells] == ["Name", "Size MB", "a", "204.4", "b", "< 0.1"]
    assert [a["title"] for _, a in cells if "title" in a] == ["204,400,123 bytes", "30,000 bytes"]


def test_sizes_of_one_table_share_a_unit():
    frame = pd.DataFrame({"n": ["a"], "used": [130_300_000], "room": [1_000_000_000]})
    columns = [Column("n", "N"), Column("used", "Used", "bytes"), Column("room", "Room", "bytes")]
    assert shown(Table(frame, columns)) == ["N", "Used GB", "Room GB", "a", "0.13", "1.00"]


def test_a_column_where_most_would_be_too_small_to_show_takes_the_smaller_unit():
    frame = pd.DataFrame({"n": list("abc"), "rows": [1_082_249, 4_600, 1_345]})
    table = Table(frame, [Column("n", "N"), Column("rows", "Rows", "count")])
    assert shown(table)[1::2] == ["Rows k", "1,082.25", "4.60", "1.34"]


def test_amounts_have_a_unit_each():
    """A hundred connections and two milliard transaction numbers have nothing in common."""
    frame = pd.DataFrame({"n": ["a", "b", "c"], "limit": [2**31, 100, None], "why": "not read"})
    table = Table(frame, [Column("n", "N"), Column("limit", "Limit", "amount", because="why")])
    assert shown(table)[1::2] == ["Limit", "2.1 G", "100", "unknown1"]


def test_growth_has_a_sign_and_zero_is_zero():
    frame = pd.DataFrame({"n": ["a", "b", "c"], "g": [2.5e6, 0.0, -1e6]})
    table = Table(frame, [Column("n", "N"), Column("g", "Growth", "bytes", per="day")])
    assert shown(table)[1::2] == ["Growth MB/day", "+2.50", "0", "−1.00"]


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT, float("inf")])
def test_what_is_unknown_is_a_word_with_its_reason(nothing):
    frame = pd.DataFrame({"n": ["a", "b"], "x": pd.Series([nothing, 3], dtype="object")})
    frame["because"] = ["one snapshot only", None]
    html = Table(frame, [Column("n", "N"), Column("x", "X", "count")])._repr_html_()
    assert "unknown<sup>1</sup>" in html
    assert "<li>one snapshot only</li>" in html
    assert ">0<" not in html


def test_a_reason_is_told_once_and_a_missing_reason_is_admitted():
    frame = pd.DataFrame({"n": ["a", "b", "c"], "x": [None] * 3, "because": ["why", "why", None]})
    html = Table(frame, [Column("n", "N"), Column("x", "X", "bytes")])._repr_html_()
    assert html.count("<li>") == 2
    assert "the reason was not recorded" in html


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name):
    frame = pd.DataFrame({"n": [name], "x": [None], "because": [name]})
    columns = [Column("n", name, "name"), Column("x", "X", "count")]
    table = Table(frame, columns, caption=name)
    allowed = {
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "sup",
        "ol",
        "li",
    }
    assert Cells(table).tags <= allowed
    assert "\x01" not in table._repr_html_()
    assert "\u202e" not in table._repr_html_()


def test_an_empty_table_says_why_and_a_long_one_how_much_is_left_out():
    frame = pd.DataFrame({"n": range(5)})
    columns = [Column("n", "N", "count")]
    assert "none found" in Table(frame.head(0), columns, empty="none found")._repr_html_()
    assert "+3 more rows" in Table(frame, columns, limit=2)._repr_html_()


def test_plain_text_says_unknown_too():
    frame = pd.DataFrame({"n": ["a"], "x": [None]})
    assert "unknown" in repr(Table(frame, [Column("n", "N"), Column("x", "X", "count")]))
