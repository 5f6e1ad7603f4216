"""References of the reference estates against files that were written from their description, not from output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.analyse.references import references
from workbench.estate import load_estate
from workbench.model import COLUMN_KINDS, ReferenceEnd
from workbench.share import reference_estate
from workbench.snapshot import load_history

EXPECTED = Path(__file__).parent / "expected"


def expected(name):
    return json.loads((EXPECTED / f"{name}_references.json").read_text("utf-8"))


def found(name):
    folder = reference_estate(name)
    return references(load_history(folder / "history", load_estate(folder)).newest)


@pytest.fixture(scope="module")
def shop():
    return found("shop")


@pytest.fixture(scope="module")
def edtech():
    return found("edtech")


def text(end: ReferenceEnd | None) -> str | None:
    """``service.table.column``, as the files write it; the service where no more is known."""
    if end is None:
        return None
    return ".".join(p for p in (end.service, end.table, *end.columns) if p)


def drawn(references):
    """Every accepted reference of columns: from, to."""
    rows = [r for r in references.accepted if r.kind in COLUMN_KINDS]
    assert len({r.source for r in rows}) == len(rows)
    return {text(r.source): text(r.target) for r in rows}


def test_the_shop_has_the_references_that_were_written_and_no_other(shop):
    rows = expected("shop")
    got = drawn(shop)
    wanted = {r["from"]: r["to"] for r in [*rows["references"], *rows["inside"]]}
    assert set(got) == set(wanted)
    for source, target in wanted.items():
        # the map names services alone; where it does, its table is settled by the columns
        assert got[source] == target or (
            "." not in target and got[source].startswith(f"{target}.")
        ), source
    assert not set(got) & set(rows["not_drawn"])
    assert shop.unresolved == ()


def test_the_shops_map_lacks_and_contradicts_exactly_what_was_planted(shop):
    rows = expected("shop")["references"]
    missing = [f for f in shop.differences if f.rule == "reference-map-missing"]
    contradicted = [f for f in shop.differences if f.rule == "reference-map-contradicted"]
    assert len(missing) + len(contradicted) == len(shop.differences)
    by_path = {r.source.path: text(r.source) for r in shop.references}
    assert {by_path[f.subject.split("->")[0]] for f in missing} == {
        r["from"] for r in rows if r["settled_by"] == "inference"
    }
    (finding,) = contradicted
    assert by_path[finding.subject] == "order.orders.user_id"
    assert "auth.users.id" in finding.detail
    orders = [r for r in shop.references if text(r.source) == "order.orders.user_id"]
    assert {(r.kind, r.status, text(r.target)) for r in orders} == {
        ("declared", "accepted", "user"),
        ("inferred", "rejected", "auth.users.id"),
    }


def test_a_natural_key_of_the_shop_is_called_so(shop):
    shapes = {text(r.source): r.shape for r in shop.accepted}
    assert shapes["order.orders.coupon_code"] == "natural_key"
    assert shapes["return.refunds.payment_id"] == "plain"


def test_edtech_has_every_reference_by_role_and_no_external_id(edtech):
    rows = expected("edtech")
    wanted = {r["from"]: r["to"] for r in [*rows["references"], *rows["arrays"]]}
    assert drawn(edtech) == wanted
    assert not set(wanted) & {r["from"] for r in rows["not_drawn"]}
    shapes = {text(r.source): r.shape for r in edtech.accepted}
    assert {s for s, shape in shapes.items() if shape == "array"} == {
        r["from"] for r in rows["arrays"]
    }
    for row in rows["references"]:
        if row["shape"] == "shared_key":
            assert shapes[row["from"]] == "shared_key"


def test_edtechs_polymorphic_pair_is_named_and_not_drawn(edtech):
    (row,) = expected("edtech")["polymorphic"]
    found = [r for r in edtech.references if r.shape == "polymorphic"]
    assert [text(r.source).split(",")[0] for r in found] == [row["from"]]
    assert [r.status for r in found] == ["unresolved"]
    assert "targetType" in " ".join(found[0].evidence)


@pytest.mark.parametrize("name", ["shop", "edtech", "marketplace", "hauspet", "hauspet-small"])
def test_every_reference_has_one_key_and_the_document_is_the_same_each_time(name):
    first, second = (json.dumps(found(name).to_json(), sort_keys=True) for _ in range(2))
    assert first == second
    keys = [r["key"] for r in json.loads(first)["references"]]
    assert len(set(keys)) == len(keys)


def test_the_marketplace_crosses_by_one_foreign_key_and_six_views():
    crossing = found("marketplace").crossing
    keys = [(text(r.source), text(r.target)) for r in crossing if r.kind == "foreign_key"]
    assert keys == [("payment.payments.order_id", "order.orders.id")]
    views = {(r.source.service, r.source.table) for r in crossing if r.kind == "view"}
    assert len(views) == 6
