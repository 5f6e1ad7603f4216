"""Limits that were agreed, and the day each is reached."""

from datetime import date, timedelta

import pytest

from small_history import START, write_history
from workbench.analyse.capacity import capacity
from workbench.errors import EstateError
from workbench.estate import load_estate
from workbench.present import capacity as show
from workbench.present import headroom
from workbench.present.bench import Bench, open_bench
from workbench.share import reference_estate
from workbench.snapshot import History, load_history

MB = 10**6
ESTATE = """
[estate]
name = "shop"
[instances.main]
url = "service=shop"
database = "shop"
capacity = { storage_gb = 0.5 }
[services.order]
schemas = ["orders"]
[services.user]
schemas = ["users"]
"""
# On day 27 the databases hold (37 + 74) MB and their indexes, a quarter more, and 9 MB of catalogues.
NOW, A_DAY = 1.25 * 111 * MB + 9 * MB, 3.75 * MB
NEWEST = (START + timedelta(days=27)).date()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return write_history(tmp_path_factory.mktemp("shop") / "history", ["orders", "users"], days=28)


@pytest.fixture
def read(recorded, tmp_path):
    """The history under an estate file with ``text`` at its end, up to a day."""

    def _read(text="", *, days=28, without=""):
        (tmp_path / "estate.toml").write_text(ESTATE.replace(without, "") + text)
        history = load_history(recorded, load_estate(tmp_path, {}))
        return history.between(None, START + timedelta(days=days - 1))

    return _read


def limits(history: History, **wanted):
    found = capacity(history).limits
    for column, value in wanted.items():
        found = found[found[column] == value]
    return found.set_index("kind")


def storage(history):
    return limits(history, metric="storage_used")


def days_until(share):
    return -(-(share * 500 * MB - NOW) // A_DAY)


def test_storage_has_limits_of_the_projects_own_and_the_day_each_is_reached(read):
    found = storage(read())
    assert found["limit"].to_dict() == {"soft": 0.7, "hard": 0.85, "low": 0.3}
    assert found["source"].unique().tolist() == ["the project's default"]
    assert found["value"].tolist() == [pytest.approx(NOW / (500 * MB))] * 3
    for kind, share in (("soft", 0.7), ("hard", 0.85)):
        row = found.loc[kind]
        assert (row["crossed"], row["days"]) == (False, days_until(share))
        assert row["crosses_on"] == NEWEST + timedelta(days=int(row["days"]))
        assert row["crosses_from"] <= row["crosses_on"] <= row["crosses_until"]


def test_a_threshold_of_the_estate_goes_before_the_default_and_one_of_the_instance_before_that(
    read,
):
    text = """
        [[thresholds]]
        metric = "storage_used"
        soft = 0.6
        hard = 0.8
        source = "the operators' handbook"
        [[thresholds]]
        metric = "storage_used"
        instance = "main"
        hard = 0.95
        """
    found = storage(read(text))
    assert found["limit"].to_dict() == {"soft": 0.6, "hard": 0.95, "low": 0.3}
    assert found["source"].to_dict() == {
        "soft": "the operators' handbook",
        "hard": "the estate file",
        "low": "the project's default",
    }


@pytest.mark.parametrize(
    ("share", "crossed", "why"),
    [
        (0.25, False, "above it"),  # already over
        (0.5, False, None),  # below it now, and over it within 90 days
    ],
)
def test_storage_is_over_provisioned_where_it_is_below_the_low_limit_now_and_in_90_days(
    read, share, crossed, why
):
    low = storage(read(f'[[thresholds]]\nmetric = "storage_used"\nlow = {share}\n')).loc["low"]
    assert bool(low["crossed"]) is crossed
    assert (why in low["because"]) if why else low["days"] == days_until(share)


def test_a_disk_a_hundred_times_too_large_is_over_provisioned(recorded, tmp_path):
    (tmp_path / "estate.toml").write_text(ESTATE.replace("0.5 }", "50 }"))
    low = storage(load_history(recorded, load_estate(tmp_path, {}))).loc["low"]
    assert low["crossed"]
    assert low["value"] == pytest.approx(NOW / (50_000 * MB))


def test_below_14_days_no_day_is_named_and_the_day_it_can_be_is(read):
    found = storage(read(days=13))
    assert found["crosses_on"].isna().all()
    assert found.loc["hard", "because"].endswith("from 2026-11-14 on")
    assert found["crossed"].isna().to_dict() == {"soft": False, "hard": False, "low": True}


def test_without_declared_storage_every_limit_is_unknown_and_says_what_to_write(read):
    found = storage(read(without="capacity = { storage_gb = 0.5 }"))
    assert found["value"].isna().all()
    assert found["crossed"].isna().all()
    assert found["because"].str.contains("storage_gb").all()


def test_sizes_and_rows_of_services_schemas_and_tables_have_limits(read):
    text = """
        [[thresholds]]
        metric = "total_bytes"
        service = "order"
        soft = 50_000_000
        [[thresholds]]
        metric = "rows"
        scope = "users"
        hard = 800_000
        [[thresholds]]
        metric = "rows"
        scope = "users.users_rows"
        hard = 599_999
        source = "the contract"
        [[thresholds]]
        metric = "bytes_per_day"
        service = "user"
        soft = 2_000_000
        """
    history = read(text)
    size = limits(history, metric="total_bytes").loc["soft"]
    assert (size["service"], size["value"]) == ("order", 1.25 * 37 * MB)
    assert size["days"] == 3  # 46.25 MB now, and 1.25 MB a day
    rows = limits(history, metric="rows")
    assert rows["value"].tolist() == [740_000, 740_000]
    schema, table = rows.to_dict("records")
    assert (schema["service"], schema["schema"], schema["table"]) == ("user", "users", None)
    assert schema["days"] == 3  # 20,000 rows a day
    assert (table["table"], table["crossed"], table["days"]) == ("users_rows", True, 0)
    assert table["crosses_on"] == (START + timedelta(days=20)).date(), "since when it is crossed"
    assert table["source"] == "the contract"
    pace = limits(history, metric="bytes_per_day").loc["soft"]
    assert (pace["value"], pace["crossed"]) == (2.5 * MB, True)


def test_a_threshold_on_what_is_not_there_stays_and_names_what_is_near(read):
    text = """
        [[thresholds]]
        metric = "rows"
        service = "user"
        scope = "users.user_rows"
        hard = 5
        [[thresholds]]
        metric = "rows"
        scope = "usrs"
        hard = 5
        """
    found = limits(read(text), metric="rows")["because"].tolist()
    assert any("'user_rows'" in why and "'users_rows'" in why for why in found)
    assert any("no schema 'usrs'" in why and "'users'" in why for why in found)


def test_inserts_that_were_not_counted_are_unknown(read):
    text = '[[thresholds]]\nmetric = "rows_per_day"\nservice = "order"\nhard = 5\n'
    row = limits(read(text), metric="rows_per_day").loc["hard"]
    assert row.isna()["value"]
    assert row.isna()["crossed"]
    assert "two snapshots" in row["because"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('metric = "storage_usd"\nhard = 0.9', "nearest valid: 'storage_used'"),
        ('metric = "storage_used"\nhard = 85', "must be a share, over 0 and up to 1"),
        ('metric = "storage_used"\nsoft = 0.9', "hard: must be above soft"),
        ('metric = "storage_used"\nhard = 0.9\nservice = "order"', "storage_used is an instance's"),
        ('metric = "storage_used"\nhard = 0.9\ninstance = "mian"', "nearest valid: 'main'"),
        ('metric = "rows"\nsoft = 9\nhard = 8\nservice = "order"', "hard: must be above soft"),
        ('metric = "rows"\nhard = 8\nscope = "a.b.c"', "too many parts"),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_refused(tmp_path, text, fault):
    (tmp_path / "estate.toml").write_text(f"{ESTATE}[[thresholds]]\n{text}\n")
    with pytest.raises(EstateError, match=r"thresholds\[0\]") as refused:
        load_estate(tmp_path, {})
    assert fault in str(refused.value)


def test_the_document_has_a_row_for_each_limit(read):
    history = read('[[thresholds]]\nmetric = "rows"\nservice = "user"\nhard = 700_000\n')
    rows = {r["metric"]: r for r in capacity(history).rows() if r["metric"].endswith("_limit")}
    assert set(rows) == {
        "rows_hard_limit",
        "storage_used_soft_limit",
        "storage_used_hard_limit",
        "storage_used_low_limit",
    }
    hard = rows["storage_used_hard_limit"]
    assert (hard["value"], hard["unit"], hard["crossed"]) == (0.85, "share", False)
    assert hard["forecast"]["days"] == days_until(0.85)
    assert hard["because"]
    assert (rows["rows_hard_limit"]["crossed"], rows["rows_hard_limit"]["service"]) == (
        True,
        "user",
    )
    assert rows["rows_hard_limit"]["measured"] == 740_000


def test_the_grown_estate_crosses_its_written_limits_and_the_small_one_does_not():
    """The limits of separation that count rows: more than a million in the fourth week, 10,000 a day before."""
    grown = open_bench(reference_estate("hauspet")).capacity.limits.set_index("metric")
    small = open_bench(reference_estate("hauspet-small")).capacity.limits.set_index("metric")
    for metric in ("rows", "rows_per_day"):
        assert grown.loc[metric, "crossed"]
        assert not small.loc[metric, "crossed"]
        assert grown.loc[metric, "service"] == "eventstore"
    assert date(2026, 3, 9) <= grown.loc["rows", "crosses_on"] <= date(2026, 3, 15)


def test_the_page_names_the_first_hard_limit_and_what_is_crossed(read):
    history = read('[[thresholds]]\nmetric = "rows"\nservice = "user"\nhard = 699_999\n')
    assert show.headline(Bench(history)).figures[-1] == (
        "26 Nov 2026",
        "user: rows crossed the hard limit of 700\N{NO-BREAK SPACE}k",
    )
    what = show.headline(Bench(read())).figures[-1][1]
    assert (
        what == "main: storage used reaches the hard limit of 85\N{NO-BREAK SPACE}%, at this pace"
    )
    shown = headroom.against_limits(Bench(history)).frame
    assert (
        shown["reached"].iloc[0].replace("\N{NO-BREAK SPACE}", " ") == "✗ crossed since 26 Nov 2026"
    )
    assert shown["kind"].tolist() == ["hard", "soft", "hard", "over-provisioned?"]
