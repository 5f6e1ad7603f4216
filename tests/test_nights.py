"""A review that nobody watches: what it says of itself, what it tells whom, and what it shares between notebooks."""

import json
import os
import pickle
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notebook_cells import write_notebook
from small_history import write_history
from workbench import load_estate, load_history
from workbench.errors import Unreachable, UsageError
from workbench.present.bench import Bench, open_bench
from workbench.present.kept import kept_of
from workbench.review import Webhook, review, webhook_of
from workbench.review.attempt import Attempt, alert
from workbench.review.publish import staging
from workbench.review.report import Sources, Wanted, make_report
from workbench.share import shared
from workbench.source import Source, collect_reached, keep

ESTATE = """
[instances.main]
url = "postgresql://nobody@localhost:1/shop"
[services.orders]
schemas = ["orders"]
instance = "main"
database = "shop"
[[thresholds]]
metric = "total_bytes"
unit = "bytes"
hard = 16000000
service = "orders"
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """An estate of seven nights of which two were missed, and whose one table outgrew its limit."""
    folder = tmp_path_factory.mktemp("nights") / "shop"
    write_history(folder / "history", ["orders"], days=9)
    for day in ("20261107", "20261108"):
        (gone,) = (folder / "history" / "snapshots").glob(f"{day}*")
        gone.unlink()
    (folder / "estate.toml").write_text(ESTATE)
    return folder


# -- what a review says of itself


@contextmanager
def answering(*answers):
    """A server that answers each POST as told: a status, or ``None`` to let it wait; gives its address and what it got."""
    told, waiting, over = list(answers), [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            waiting.append(self.rfile.read(int(self.headers["Content-Length"])))
            status = told.pop(0)
            if status is None:
                over.wait(60)
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook-s3cret", waiting
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def night(estate, tmp_path_factory):
    """One strict review of that estate, its webhook, and two notebooks that say what they were given."""
    folder = tmp_path_factory.mktemp("night")
    source = """
    import os, workbench as wb
    bench = wb.open_bench(estate, history=history)
    bench.capacity
    print([k for k in os.environ if "WEBHOOK" in k], bench.kept, len(list(bench.kept.glob("capacity-*.lock"))))
    """
    lines = "\n".join(line.strip() for line in source.strip().splitlines())
    notebooks = [write_notebook(folder / f"{name}.ipynb", lines) for name in ("one", "two")]
    place = folder / "reports" / "shop"
    with answering(200) as (url, got), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_WEBHOOK", url)
        with staging(place) as work, Attempt(place, "shop", webhook_of()) as attempt:
            sources = Sources.of(estate, None, None, None)
            wanted = Wanted(strict=True, notebooks=tuple(notebooks))
            result = make_report(sources, work, attempt, wanted, out=folder / "reports")
    return result, json.loads((place / "status.json").read_text()), got


def test_a_limit_newly_crossed_ends_a_strict_review_with_one(night):
    result, status, _ = night
    assert result.failures == []
    assert result.exit_code == status["exit_code"] == 1
    assert result.status == status["status"] == "done"
    (told,) = status["alerts"]
    assert told["kind"] == "threshold"
    assert "orders" in told["subject"]
    assert status["report"] == result.folder.name
    assert status["started"] <= status["finished"]


def test_the_webhook_is_told_once_what_alerts_and_nothing_else(night):
    _, status, got = night
    (message,) = map(json.loads, got)
    assert message["text"].startswith("shop: main/orders")
    assert message["alerts"][0]["key"] == status["alerts"][0]["key"]
    assert "coverage" not in message
    assert status["webhook"] == {"sent": True, "because": None}


def test_the_webhooks_address_is_nowhere(night):
    result, _, _ = night
    place = result.folder.parent
    files = [path for path in place.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"hook-s3cret" in path.read_bytes()]


def test_a_missed_night_is_named_by_the_next_report(night, estate):
    result, status, _ = night
    assert status["nights_missed"] == ["2026-11-07", "2026-11-08"]
    assert "no snapshot was taken from 2026-11-07 to 2026-11-08" in result.index.read_text()
    assert not result.coverage.partial
    before = open_bench(estate, until="2026-11-06")
    assert not [m for m in before.coverage.missing if m.what == "nights"]


def test_notebooks_share_what_they_compute_and_see_no_webhook(night):
    result, _, _ = night
    outputs = [outcome.notebook.cells[-1].outputs[0].text for outcome in result.outcomes]
    assert len(set(outputs)) == 1
    environment, folder, locks = outputs[0].strip().rsplit(" ", 2)
    assert (environment, locks) == ("[]", "1")
    assert not Path(folder).exists()


def test_a_review_that_reaches_nothing_is_failed_and_says_so(tmp_path, estate):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "estate.toml").write_text(ESTATE)
    with (
        answering(500, 200) as (url, got),
        pytest.raises(Unreachable),
    ):
        review(Source(folder), tmp_path / "reports", webhook=Webhook(url, pauses=(0.0, 0.0)))
    status = json.loads((tmp_path / "reports/shop/status.json").read_text())
    assert (status["status"], status["exit_code"]) == ("failed", 3)
    assert "nothing could be connected" in status["because"]
    assert json.loads(got[-1])["text"].startswith("shop: review failed: Unreachable")
    assert [p.name for p in (tmp_path / "reports/shop").iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    ("error", "because", "code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (SystemExit(143), "ended by signal 15", 143),
        (UsageError("postgresql://a:hunter2@db"), "UsageError: postgresql://a:…@db", 2),
    ],
)
def test_an_attempt_that_ends_early_says_how(error, because, code, tmp_path):
    with pytest.raises(type(error)), Attempt(tmp_path, "shop"):
        raise error
    status = json.loads((tmp_path / "status.json").read_text())
    assert (status["status"], status["because"], status["exit_code"]) == ("failed", because, code)


# -- webhooks


def test_a_webhook_is_tried_again_and_then_told():
    with answering(503, 429, 204) as (url, got):
        assert Webhook(url, pauses=(0.0, 0.0)).post({"text": "é"}) is None
    assert [json.loads(body) for body in got] == [{"text": "é"}] * 3


@pytest.mark.parametrize(
    ("answers", "said"),
    [((404,), "answers 404"), ((302,), "answers 302"), ((500, 500, 500), "answers 500")],
)
def test_a_webhook_that_refuses_is_said_without_its_address(answers, said):
    with answering(*answers) as (url, got):
        failure = Webhook(url, pauses=(0.0, 0.0)).post({})
    assert said in failure
    assert "s3cret" not in failure
    assert len(got) == len(answers)


def test_a_webhook_that_hangs_or_is_not_there_ends():
    with answering(None) as (url, _):
        failure = Webhook(url, timeout=0.2, pauses=()).post({})
        assert "no answer in 0.2 s" in failure
    assert "Refused" in Webhook(url, pauses=()).post({})


def test_a_webhook_that_fails_fails_no_review(tmp_path):
    with answering(400) as (url, _), Attempt(tmp_path, "shop", Webhook(url)) as attempt:
        told = attempt.close(attempt.ended("failed", 3) | {"failures": ["one: no"]})
    assert told == "the webhook was not told: it answers 400"
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["webhook"] == {"sent": False, "because": told}
    assert "s3cret" not in (tmp_path / "status.json").read_text() + repr(Webhook(url))


@pytest.mark.parametrize("status", ["done", "partial"])
def test_where_nothing_is_new_nobody_is_woken(status):
    gap = {"missing": [{"what": "statements"}]}
    assert alert({"estate": "shop", "status": status, "coverage": gap, "alerts": []}) is None


@pytest.mark.parametrize(
    "text", ["", "ftp://x/s3cret", "https://x y/s3cret", "s3cret", "http://[s3cret"]
)
def test_what_is_no_address_is_refused_and_not_repeated(text, tmp_path):
    (tmp_path / "hook").write_text(text)
    with pytest.raises(UsageError, match="hook") as caught:
        webhook_of(tmp_path / "hook")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(UsageError, match="cannot be read"):
        webhook_of(tmp_path / "absent")


# -- what notebooks share


def test_one_computes_while_the_others_wait(estate, tmp_path):
    tmp_path.chmod(0o700)
    history = load_history(estate / "history")
    begun, go, computed = threading.Event(), threading.Event(), []

    def compute():
        begun.set()
        assert go.wait(60)
        computed.append(1)
        return {"a": 1}

    found = []

    def ask():
        found.append(kept_of(history, tmp_path).get("thing", compute))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, computed) == ([{"a": 1}] * 4, [1])


def test_what_is_damaged_is_computed_again(estate, tmp_path):
    tmp_path.chmod(0o700)
    kept = kept_of(load_history(estate / "history"), tmp_path)
    assert kept.get("thing", lambda: 1) == 1
    (path,) = (p for p in tmp_path.iterdir() if p.suffix != ".lock")
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.get("thing", lambda: 2) == 2
    path.write_bytes(pickle.dumps("planted"))
    assert kept.get("thing", lambda: 3) == 3
    assert kept.get("thing", lambda: 4) == 3


def test_another_history_or_estate_shares_nothing(estate, tmp_path):
    tmp_path.chmod(0o700)
    history = load_history(estate / "history")
    other = load_history(estate / "history", load_estate(shared("data") / "estates" / "shop"))
    keys = {
        kept_of(found, tmp_path).history
        for found in (history, other, history.between(until=history.snapshots[2].at))
    }
    assert len(keys) == 3


def test_a_folder_that_others_may_write_to_is_not_read(estate, tmp_path):
    history = load_history(estate / "history")
    tmp_path.chmod(0o770)
    assert kept_of(history, tmp_path) is None
    assert kept_of(history, tmp_path / "absent") is None
    bench = Bench(history, tmp_path)
    assert not bench.capacity.services.empty
    assert list(tmp_path.iterdir()) == []


def test_what_is_shared_is_what_would_be_computed(tmp_path):
    tmp_path.chmod(0o700)
    history = load_history(shared("data") / "estates" / "shop" / "history")
    history = history.between(history.snapshots[-3].at)
    made, read = Bench(history, tmp_path), Bench(history, tmp_path)
    assert made.verdicts.to_json() == read.verdicts.to_json()
    assert {path.name.partition("-")[0] for path in tmp_path.glob("*.lock")} == {
        "capacity",
        "references",
        "verdicts",
        "workload",
    }
    assert read.references.to_json() == made.references.to_json()
    assert read.capacity.rows() == made.capacity.rows()
    assert [c.key for c in read.workload.crossings] == [c.key for c in made.workload.crossings]


# -- parameters


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"estate": 7}, r"estate: 7 is no path"),
        ({"estate": ""}, r"estate is empty"),
        ({"estate": ["a"]}, r"estate: \['a'\] is no path"),
        ({"history": True}, r"history: True is no path"),
        ({"snapshot": "a\0b"}, r"snapshot is empty, or no path"),
        ({"until": 20261128}, r'until: 20261128 is not a day; write it as "2026-11-28"'),
        ({"until": "soon"}, r"until: 'soon' is not a day"),
        ({"live": "no"}, r"live: 'no' is neither True nor False"),
        ({"live": True, "until": "2026-11-28"}, r"neither a snapshot nor a day to end with"),
        ({"estate": "postgresql://db/shop"}, r"estate is the address of a server"),
        ({"history": "host=db dbname=shop"}, r"history is the address of a server"),
    ],
)
def test_a_parameter_that_is_not_what_it_should_be_is_refused_by_name(given, said):
    with pytest.raises(UsageError, match=said):
        open_bench(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"estate": "postgresql://app:hunter2@db/shop"},
        {"history": "host=db password=hunter2"},
        {"until": "PGPASSWORD=hunter2"},
        {"live": "password=hunter2"},
    ],
)
def test_a_parameter_with_a_secret_is_refused_and_not_repeated(given):
    with pytest.raises(UsageError) as caught:
        open_bench(**given)
    assert "hunter2" not in str(caught.value)


# -- live, and by hand


def test_live_reads_the_servers_and_keeps_nothing(database, tmp_path):
    with database.connect() as session:
        session.execute("CREATE SCHEMA app; CREATE TABLE app.old (id int)")
    (tmp_path / "estate.toml").write_text(
        f'[instances.main]\nurl = "{database.url}"\n[services.app]\nschemas = ["app"]\n'
        f'database = "{database.name}"\n'
    )
    history = tmp_path / "history"
    keep(collect_reached(load_estate(tmp_path)), history)
    kept = sorted(history.rglob("*"))
    with database.connect() as session:
        session.execute("CREATE TABLE app.new (id int)")
    tables = [
        {row["table"] for row in bench.capacity.rows()}
        for bench in (open_bench(tmp_path), open_bench(tmp_path, live=True))
    ]
    assert [found & {"old", "new"} for found in tables] == [{"old"}, {"old", "new"}]
    assert sorted(history.rglob("*")) == kept


def test_a_live_reading_does_not_follow_simulated_days(estate):
    with pytest.raises(UsageError, match="simulated days"):
        open_bench(estate, live=True)


def test_a_notebook_runs_by_papermill_alone(estate, tmp_path):
    path, *_ = sorted(shared("notebooks").glob("*.ipynb"))
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(path)]
    done = subprocess.run(
        [*command, str(tmp_path / "out.ipynb"), "-p", "estate", str(estate)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert "2026" in (tmp_path / "out.ipynb").read_text()
