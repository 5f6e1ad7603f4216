"""Rows as PostgreSQL writes them, made into Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from workbench.snapshot.objects import outside_python

_ARROW = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int32(),
    23: pa.int32(),
    26: pa.int64(),  # oid
    28: pa.int64(),  # xid
    700: pa.float64(),
    701: pa.float64(),
    1700: pa.float64(),  # numeric
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_ARROW_LISTS = {1005: pa.int16(), 1007: pa.int32(), 1016: pa.int64(), 1028: pa.int64()}


def arrow_type(oid: int) -> pa.DataType:
    """Return the Arrow type for a type's oid; what is not known arrives as text.

    >>> arrow_type(23), arrow_type(1007), arrow_type(2950)
    (DataType(int32), ListType(list<item: int32>), DataType(string))
    """
    element = _ARROW_LISTS.get(oid)
    return pa.list_(element) if element else _ARROW.get(oid, pa.string())


def to_arrow(data: bytes, schema: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the rows of a COPY in CSV, with the columns of ``schema``.

    Bytes that are no UTF-8, as a SQL_ASCII database hands them out, become U+FFFD.

    >>> to_arrow(b'1,"a"', {"n": pa.int32(), "t": pa.string()}).to_pylist()
    [{'n': 1, 't': 'a'}]
    """
    if not data:
        return pa.table({n: pa.array([], t) for n, t in schema.items()})
    flat = {n: pa.string() if pa.types.is_list(t) else t for n, t in schema.items()}
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            column_names=list(schema), block_size=max(len(data) + 1, 1 << 20)
        ),
        "parse_options": pyarrow.csv.ParseOptions(newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=flat,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    }
    try:
        table = pyarrow.csv.read_csv(outside_python(data), **options)
    except pa.ArrowInvalid:
        repaired = data.decode("utf-8", errors="replace").encode()
        table = pyarrow.csv.read_csv(outside_python(repaired), **options)
    for index, (name, kind) in enumerate(schema.items()):
        if pa.types.is_list(kind):
            table = table.set_column(index, name, _split_arrays(table.column(name), kind))
    return table


def _split_arrays(texts: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Turn PostgreSQL's ``{1,2,3}`` into lists; NULL stays NULL.

    >>> _split_arrays(pa.chunked_array([["{1,2}", "{}", None]]), pa.list_(pa.int16())).to_pylist()
    [[1, 2], [], None]
    """
    bare = pc.utf8_trim(texts, "{}")
    split = pc.split_pattern(bare, ",")
    empty = pa.scalar([], pa.list_(pa.string()))
    return pc.if_else(pc.equal(bare, ""), empty, split).cast(kind)
