"""References that no foreign key declares: what is found, what is left alone, and how often it is right."""

import statistics

import pandas as pd
import pytest

from benchmarks._truth import read_sets, truth_folder
from benchmarks.references import edges, large
from workbench.analyse.references.inference import Known, infer
from workbench.analyse.references.structure import Structure

TABLES = "instance database schema table relkind service standing comment".split()  # noqa: SIM905
COLUMNS = "table attnum column type type_kind not_null generated comment".split()  # noqa: SIM905


class Estate:
    """A structure in a few lines: ``service.table``, columns as ``name type``, a key marked ``*``, unique ``!``."""

    def __init__(self, *, one_database: bool = False) -> None:
        self.one_database = one_database
        self.tables, self.columns, self.keys, self.indexes = [], [], [], []
        self.numbers: dict[str, int] = {}

    def table(self, name: str, *columns: str, relkind: str = "r", standing: str = "owned"):
        number = self.numbers[name] = len(self.tables)
        service, table = name.split(".")
        database = "app" if self.one_database else f"{service}_db"
        schema = service if self.one_database else "public"
        self.tables.append(("main", database, schema, table, relkind, service, standing, None))
        key = []
        for attnum, text in enumerate(columns, 1):
            said, _, comment = text.partition(" -- ")
            column, _, kind = said.partition(" ")
            bare = column.rstrip("*!")
            self.columns.append((number, attnum, bare, kind, "b", False, False, comment or None))
            if column.endswith("*"):
                key.append(bare)
            if column.endswith("!"):
                self._unique(number, f"{table}_{bare}_key", (bare,), False)
        if key:
            self._unique(number, f"{table}_pkey", tuple(key), True)
        return self

    def _unique(self, number: int, name: str, columns: tuple[str, ...], primary: bool) -> None:
        self.keys.append((number, name, columns, primary))
        self.indexes.append((number, name, columns, False))

    @property
    def structure(self) -> Structure:
        return Structure(
            pd.DataFrame(
                self.tables,
                columns=TABLES,
            ),
            pd.DataFrame(
                self.columns,
                columns=COLUMNS,
            ),
            pd.DataFrame(self.keys, columns=["table", "name", "columns", "primary"]),
            pd.DataFrame(self.indexes, columns=["table", "name", "columns", "partial"]),
        )

    def inferred(self, known=(), **more):
        """By ``service.table.column`` (several with commas): what was inferred."""
        names = {number: name for name, number in self.numbers.items()}
        found = infer(self.structure, known, **more)
        return {f"{names[f.table]}.{','.join(f.columns)}": f for f in found}

    def drawn(self, known=(), **more) -> dict[str, str]:
        """The accepted ones, as ``service.table.column`` to the same."""
        names = {number: name for name, number in self.numbers.items()}
        return {
            source: f"{names[f.target]}.{','.join(f.target_columns)}"
            for source, f in self.inferred(known, **more).items()
            if f.target is not None
        }


TEXT = "character varying(36)"


def shop() -> Estate:
    """Services with a database each; ids are strings; nothing is declared."""
    return (
        Estate()
        .table("auth.users", f"id* {TEXT}", "email! text", "created_at timestamp with time zone")
        .table("auth.roles", f"id* {TEXT}", "name! text")
        .table("auth.user_roles", f"user_id* {TEXT}", f"role_id* {TEXT}")
        .table("auth.refresh_tokens", f"id* {TEXT}", f"user_id {TEXT}", "token_id! text")
        .table("auth.password_reset_tokens", f"id* {TEXT}", f"user_id {TEXT}")
        .table("user.user_profiles", f"id* {TEXT}", f"user_id! {TEXT}", "bio text")
        .table("user.addresses", f"id* {TEXT}", f"user_id {TEXT}", "city text")
        .table("user.payment_methods", f"id* {TEXT}", f"user_id {TEXT}")
        .table("user.event_logs", f"id* {TEXT}", f"correlation_id {TEXT}", "payload jsonb")
        .table("product.products", f"id* {TEXT}", "sku! text", "name text")
        .table("product.product_variants", f"id* {TEXT}", f"product_id {TEXT}")
        .table("product.categories", f"id* {TEXT}", f"parent_id {TEXT}", "slug! text")
        .table("order.orders", f"id* {TEXT}", f"user_id* {TEXT}", f"cart_id {TEXT}",
               "coupon_code text", relkind="p")
        .table("order.order_items", f"id* {TEXT}", f"order_id {TEXT}", f"product_id {TEXT}",
               f"product_variant_id {TEXT}")
        .table("payment.payments", f"id* {TEXT}", f"order_id* {TEXT}",
               f"payment_method_id {TEXT}", f"gateway_transaction_id {TEXT}", relkind="p")
        .table("payment.payment_methods", f"id* {TEXT}", f"user_id {TEXT}")
        .table("payment.payment_transactions", f"id* {TEXT}", f"payment_id {TEXT}")
        .table("payment.refunds", f"id* {TEXT}", f"payment_id {TEXT}")
        .table("cart.carts", f"id* {TEXT}", f"user_id {TEXT}")
        .table("cart.cart_items", f"id* {TEXT}", f"cart_id {TEXT}", f"product_id {TEXT}")
        .table("discount.coupons", f"id* {TEXT}", "code! text")
        .table("discount.coupon_usage", f"id* {TEXT}", f"coupon_id {TEXT}", f"order_id {TEXT}")
        .table("shipping.shipments", f"id* {TEXT}", f"order_id {TEXT}", "tracking_number text")
        .table("shipping.shipment_tracking", f"id* {TEXT}", f"shipment_id {TEXT}")
        .table("return.return_items", f"id* {TEXT}", f"order_item_id {TEXT}")
        .table("return.refunds", f"id* {TEXT}", f"payment_id {TEXT}")
    )  # fmt: skip


def school() -> Estate:
    """Services with a database each, columns in camelCase, people in one place and roles everywhere."""
    return (
        Estate()
        .table("identity.users", "id* uuid", "email! text", "firstName text")
        .table("identity.user_profiles", "userId* uuid", "bio text")
        .table("identity.user_sessions", "id* uuid", "userId uuid", "sessionId! uuid")
        .table("learning.tutors", "id* uuid", "userId uuid", "email text")
        .table("learning.students", "id* uuid", "userId uuid")
        .table("learning.lessons", "id* uuid", "tutorId uuid", "studentId uuid")
        .table("payment.payments", "id* uuid", "lessonId uuid", "studentUserId uuid",
               "tutorUserId uuid", "status text")
        .table("payment.transactions", "id* uuid", "paymentId uuid", "stripeTransactionId text")
        .table("payment.payouts", "id* uuid", "tutorUserId uuid", "stripePayoutId text")
        .table("payment.stripe_accounts", "id* uuid", "tutorUserId! uuid", "stripeAccountId text")
        .table("communication.conversations", "id* uuid", "lessonId uuid", "participantIds uuid[]")
        .table("communication.messages", "id* uuid", "conversationId uuid", "senderUserId uuid")
        .table("communication.video_sessions", "id* uuid", "lessonId uuid", "meetingUrl text")
        .table("ai.ai_interactions", "id* uuid", "userId uuid", "sessionId uuid", "query text")
        .table("ai.recommendations", "id* uuid", "userId uuid", "targetType text", "targetId uuid")
        .table("analytics.reviews", "id* uuid", "reviewerUserId uuid", "targetUserId uuid",
               "targetType text")
        .table("analytics.reports", "id* uuid", "type text", "generatedBy uuid")
    )  # fmt: skip


def test_the_own_service_comes_first_and_then_the_others():
    drawn = shop().drawn()
    assert drawn["order.orders.user_id"] == "auth.users.id" == drawn["cart.carts.user_id"]
    assert drawn["order.orders.cart_id"] == "cart.carts.id"
    assert drawn["payment.payments.payment_method_id"] == "payment.payment_methods.id"
    assert drawn["return.refunds.payment_id"] == "payment.payments.id"
    assert drawn["return.return_items.order_item_id"] == "order.order_items.id"
    assert drawn["order.order_items.product_variant_id"] == "product.product_variants.id"


def test_a_key_that_also_holds_what_the_table_is_partitioned_by_is_still_meant():
    drawn = shop().drawn()
    assert drawn["shipping.shipments.order_id"] == "order.orders.id"
    assert drawn["payment.payment_transactions.payment_id"] == "payment.payments.id"


def test_a_code_means_the_code_of_the_table_it_names():
    found = shop().inferred()["order.orders.coupon_code"]
    assert found.shape == "natural_key"
    assert found.target_columns == ("code",)


def test_what_others_give_out_is_not_drawn():
    found = shop().inferred()
    for column in (
        "payment.payments.gateway_transaction_id",
        "shipping.shipments.tracking_number",
        "auth.refresh_tokens.token_id",
        "user.event_logs.correlation_id",
    ):
        assert column not in found, found[column]


def test_a_parent_is_a_row_of_the_same_table():
    found = shop().inferred()["product.categories.parent_id"]
    assert (found.shape, found.target, found.target_columns) == ("self", found.table, ("id",))


def test_roles_arrays_shared_keys_and_pairs_in_camel_case():
    school_ = school()
    found, drawn = school_.inferred(), school_.drawn()
    for column in (
        "payment.payments.studentUserId",
        "payment.payments.tutorUserId",
        "payment.payouts.tutorUserId",
        "communication.messages.senderUserId",
        "analytics.reviews.reviewerUserId",
        "analytics.reviews.targetUserId",
        "analytics.reports.generatedBy",
        "communication.conversations.participantIds",
    ):
        assert drawn.get(column) == "identity.users.id", column
    assert found["communication.conversations.participantIds"].shape == "array"
    assert found["identity.user_profiles.userId"].shape == "shared_key"
    assert found["analytics.reports.generatedBy"].group == "audit"
    assert found["payment.payments.studentUserId"].group is None
    assert drawn["learning.lessons.tutorId"] == "learning.tutors.id"
    pair = found["ai.recommendations.targetId"]
    assert (pair.shape, pair.status, pair.target) == ("polymorphic", "unresolved", None)
    for column in (
        "payment.transactions.stripeTransactionId",
        "payment.payouts.stripePayoutId",
        "payment.stripe_accounts.stripeAccountId",
        "ai.ai_interactions.sessionId",
        "analytics.reviews.targetType",
    ):
        assert column not in found, found[column]


def test_equal_candidates_elsewhere_are_listed_and_none_is_drawn():
    estate = (
        Estate()
        .table("a.orders", "id* bigint")
        .table("b.orders", "id* bigint")
        .table("c.invoices", "id* bigint", "order_id bigint")
    )
    found = estate.inferred()["c.invoices.order_id"]
    assert (found.status, found.target) == ("unresolved", None)
    assert {table for table, _, _ in found.candidates} == {0, 1}
    assert found.candidates[0][2] == found.candidates[1][2] == found.confidence
    estate.table("c.orders", "id* bigint")
    assert estate.drawn()["c.invoices.order_id"] == "c.orders.id"


def test_types_that_cannot_be_compared_are_no_reference():
    estate = Estate().table("a.users", "id* uuid").table("a.posts", "id* uuid", "user_id bigint")
    assert not estate.inferred()
    fits = Estate().table("a.users", "id* bigint").table("a.posts", "id* bigint", "user_id integer")
    assert "types fit (integer, bigint)" in fits.inferred()["a.posts.user_id"].why


def test_copies_views_and_platform_tables_take_no_part():
    estate = (
        Estate()
        .table("a.users", "id* bigint")
        .table("a.users_old", "id* bigint", "team_id bigint")
        .table("a.users_20240131", "id* bigint", "team_id bigint")
        .table("a.teams", "id* bigint")
        .table("a.v_members", "user_id bigint", relkind="v")
        .table("a.jobs", "id* bigint", "user_id bigint", standing="platform")
        .table("a.posts", "id* bigint", "user_id bigint")
    )
    assert estate.drawn() == {"a.posts.user_id": "a.users.id"}


def test_a_key_of_several_columns_is_referred_to_as_a_whole():
    estate = (
        Estate()
        .table("a.nodes", "node_id* bigint", "version* bigint", "latitude integer")
        .table("a.node_tags", "node_id* bigint", "version* bigint", "k* text", "v text")
    )
    found = estate.inferred()
    assert list(found) == ["a.node_tags.node_id,version"]
    assert found["a.node_tags.node_id,version"].shape == "composite"
    refused = [(1, ("node_id", "version"), 0)]
    assert "a.node_tags.node_id,version" not in estate.inferred(rejected=refused)


def test_what_is_certain_is_not_inferred_again_and_teaches():
    estate = (
        Estate(one_database=True)
        .table("a.people", "id* bigint")
        .table("a.orders", "id* bigint", "clerk_id bigint")
        .table("a.visits", "id* bigint", "clerk_id bigint")
    )
    assert not estate.drawn()
    known = [Known(1, ("clerk_id",), 0, ("id",), "foreign_key")]
    assert estate.drawn(known) == {"a.visits.clerk_id": "a.people.id"}


def test_of_two_keys_that_statements_join_the_one_named_after_the_other_refers():
    estate = (
        Estate(one_database=True)
        .table("a.users", "id* bigint", "email text")
        .table("a.user_profiles", "userId* bigint", "bio text")
    )
    joined = estate.drawn(joins=[(0, "id", 1, "userId", 520)])
    assert joined == {"a.user_profiles.userId": "a.users.id"}


def test_the_manager_of_a_customer_is_no_customer_and_that_of_an_employee_is_one():
    estate = (
        Estate(one_database=True)
        .table("a.employees", "id* bigint", "manager_id bigint")
        .table("a.customers", "id* bigint", "account_manager_id bigint", "manager_id bigint")
    )
    drawn = estate.drawn()
    assert drawn["a.employees.manager_id"] == "a.employees.id"
    assert "a.customers.id" not in drawn.values()


def test_a_join_to_one_table_does_not_settle_a_row_of_any_table():
    estate = (
        Estate(one_database=True)
        .table("a.articles", "id* bigint", "title text")
        .table("a.photos", "id* bigint", "url text")
        .table("a.remarks", "id* bigint", "subject_type text", "subject_id bigint", "said text")
    )
    found = estate.inferred(joins=[(0, "id", 2, "subject_id", 390)])
    assert [(n, f.shape, f.target) for n, f in found.items()] == [
        ("a.remarks.subject_id", "polymorphic", None)
    ]


def test_aliases_joins_comments_and_rejections_are_heard():
    estate = (
        Estate(one_database=True)
        .table("a.employees", "id* bigint")
        .table("a.orders", "id* bigint", "clerk_id bigint", "till bigint")
    )
    assert not estate.drawn()
    assert estate.drawn(aliases=[("clerk", 0, None)]) == {"a.orders.clerk_id": "a.employees.id"}
    assert estate.drawn(aliases=[("clerks", 0, "a")]) == {"a.orders.clerk_id": "a.employees.id"}
    assert not estate.drawn(aliases=[("clerk", 0, "elsewhere")])
    joined = estate.drawn(joins=[(0, "id", 1, "clerk_id", 900)])
    assert joined == {"a.orders.clerk_id": "a.employees.id"}
    rejected = [(1, ("clerk_id",), None)]
    assert not estate.drawn(joins=[(0, "id", 1, "clerk_id", 900)], rejected=rejected)
    said = (
        Estate()
        .table("a.employees", "id* bigint")
        .table("a.orders", "id* bigint", "clerk_id bigint -- references employees.id")
    )
    assert said.drawn() == {"a.orders.clerk_id": "a.employees.id"}


def test_a_rejected_target_leaves_room_for_another():
    estate = (
        Estate(one_database=True)
        .table("a.teams", "id* bigint")
        .table("b.teams", "id* bigint")
        .table("a.players", "id* bigint", "team_id bigint")
    )
    assert estate.drawn()["a.players.team_id"] == "a.teams.id"
    found = estate.drawn(rejected=[(2, ("team_id",), 0)])
    assert found.get("a.players.team_id") in ("b.teams.id", None)


def test_the_reason_says_what_it_rests_on():
    why = shop().inferred()["auth.refresh_tokens.user_id"].why
    assert why.startswith("name `user_id` says table users, key `id`")
    assert f"types agree ({TEXT})" in why
    assert "\n" not in why


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_",
        "id",
        "ID",
        "a" * 63,
        'a"b',
        "<script>",
        "$(x)",
        "顧客番号",
        "_id",
        "__",
        "1",
        "İd",
        "by",
    ],
)
def test_any_name_can_be_read(name):
    estate = Estate()
    estate.table("a.users", "id* bigint")
    estate.tables[0] = (*estate.tables[0][:3], name, *estate.tables[0][4:])
    estate.table("a.posts", "id* bigint", "x bigint")
    estate.columns[-1] = (*estate.columns[-1][:2], name, *estate.columns[-1][3:])
    infer(estate.structure)


def test_nothing_gives_nothing_and_the_same_gives_the_same():
    empty = Estate().table("a.users", "id* bigint").structure
    assert infer(empty) == ()
    assert infer(shop().structure) == infer(shop().structure)


def test_candidates_grow_with_the_tables_and_not_with_their_square():
    from workbench.analyse.references.inference.candidates import pairs
    from workbench.analyse.references.inference.estate import read_estate

    few, many = (
        len(pairs(read_estate(large(n)), {}, {}, frozenset()).column) for n in (4000, 8000)
    )
    assert few > 4000
    assert many < 2.3 * few


def test_public_schemas_are_found_again():
    folder = truth_folder()
    if not list(folder.glob("*/references.csv")):
        pytest.skip(f"no public schemas in {folder}: WORKBENCH_TRUTH says where they are")
    counted = {t: t.count(edges(infer(t.structure()))) for t in read_sets(folder)}
    assert statistics.fmean(c.recall for c in counted.values()) >= 0.93
    assert statistics.fmean(c.precision for c in counted.values()) >= 0.975
    whole = [c.extra_rate for t, c in counted.items() if not t.partial]
    assert statistics.fmean(whole) <= 0.08
