"""Connection settings: every form is read, and no password ever shows."""

import pickle
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from workbench.conninfo import (
    KEYWORDS,
    MissingVariable,
    Params,
    PasswordCommandError,
    Target,
    TargetError,
    escape,
    expand,
    hanging_on,
    outline,
    password_from,
    read_target,
)

SECRET = "hunter2"

FORMS = {
    "postgresql://": {},
    "postgres://db": {"host": "db"},
    "postgresql://ann@db:6432/shop": {
        "user": "ann", "host": "db", "port": "6432", "dbname": "shop",
    },
    "postgresql://ann:p%40s%2Fs@db/a%20b": {
        "user": "ann", "password": "p@s/s", "host": "db", "dbname": "a b",
    },
    "postgresql:///shop?host=/tmp/x&port=5": {"dbname": "shop", "host": "/tmp/x", "port": "5"},
    "postgresql://ann@/shop?host=/run/pg": {"user": "ann", "dbname": "shop", "host": "/run/pg"},
    "postgresql://%2Frun%2Fpg/shop": {"dbname": "shop", "host": "/run/pg"},
    "postgresql://[2001:db8::1]:5433/x": {"host": "2001:db8::1", "port": "5433", "dbname": "x"},
    "postgresql://a:1,b:2/x": {"host": "a,b", "port": "1,2", "dbname": "x"},
    "postgresql://a,[::1]:2/x": {"host": "a,::1", "port": ",2", "dbname": "x"},
    "postgresql:///x?service=shop": {"dbname": "x", "service": "shop"},
    "postgresql://h/x?user=ann&password=q": {
        "host": "h", "dbname": "x", "user": "ann", "password": "q",
    },
    "postgresql://u:a@b@h/x": {"user": "u", "password": "a@b", "host": "h", "dbname": "x"},
    "postgresql://ж:п@h/база": {"user": "ж", "password": "п", "host": "h", "dbname": "база"},
    "postgresql://h/x?options=-c+a%3Db": {"host": "h", "dbname": "x", "options": "-c+a=b"},
    "postgresql://h/x?ssl=true": {"host": "h", "dbname": "x", "sslmode": "require"},
    "service=shop": {"service": "shop"},
    r"host=db  password='it\'s \\ so' dbname = x": {
        "host": "db", "password": "it's \\ so", "dbname": "x",
    },
    "host=db password='' user=ann": {"host": "db", "user": "ann"},
    # SQLAlchemy's dialects
    "postgresql+psycopg://ann:x@db/shop": {
        "user": "ann", "password": "x", "host": "db", "dbname": "shop",
    },
    "postgresql+psycopg2://u@/x?host=a:1&host=b:2": {
        "user": "u", "dbname": "x", "host": "a,b", "port": "1,2",
    },
    "postgresql+asyncpg://db/x?ssl=verify-full&prepared_statement_cache_size=0": {
        "host": "db", "dbname": "x", "sslmode": "verify-full",
    },
    # Prisma's own parameters never reach libpq
    "postgresql://db/x?schema=s&pgbouncer=true&connect_timeout=5": {
        "host": "db", "dbname": "x", "connect_timeout": "5",
    },
    "postgresql://db/x?schema=s&sslmode=require&sslcert=ca.pem": {
        "host": "db", "dbname": "x", "sslmode": "require", "sslrootcert": "ca.pem",
    },
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_every_form_is_read(text):
    assert dict(read_target(text).params) == FORMS[text]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ann:p%40ss@db.example:6432/a%20b?application_name=x",
        "postgres://db",
        "postgresql://u:p@[::1]:5433/x",
        "postgresql://a:1,b:2/x?target_session_attrs=any",
        "postgresql:///x?host=/tmp/y&port=5444",
        "host=db user='a b' dbname='it\\'s' options='-c a=b'",
        "host = db  user=ann",
    ],
)
def test_libpq_reads_the_same(text):
    assert dict(read_target(text).params) == psycopg.conninfo.conninfo_to_dict(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://ann:p%40ss@db:6432/shop",
        "postgresql+asyncpg://ann@/shop?host=/run/pg",
        "postgresql+psycopg2://db",
    ],
)
def test_sqlalchemy_reads_the_same(text):
    url, read = make_url(text), read_target(text).params
    assert url.username == read.get("user")
    assert url.password == read.get("password")
    assert url.database == read.get("dbname")
    assert (url.host or url.query.get("host")) == read.get("host")
    assert url.port == (int(read["port"]) if "port" in read else None)


def test_prisma_parameters_are_split_off():
    read = read_target("postgresql://h/x?schema=order_service&connection_limit=5&pool_timeout=2.5")
    assert (read.schema, read.connection_limit, read.pool_timeout) == ("order_service", 5, 2.5)
    assert dict(read.params) == {"host": "h", "dbname": "x"}


def test_every_keyword_of_the_installed_libpq_is_known():
    installed = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    assert installed <= KEYWORDS


def test_what_is_read_is_what_libpq_accepts():
    params = read_target("postgresql://ann:p@h:1/x?sslmode=require").params
    made = psycopg.conninfo.make_conninfo(**params)
    assert psycopg.conninfo.conninfo_to_dict(made) == dict(params)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        ("shop", "service=NAME"),
        ("mysql://u@h/x", "unknown scheme mysql://; nearest valid: postgresql://"),
        ("jdbc:postgresql://h/x", "drop the leading jdbc:"),
        ("prisma+postgres://accelerate.example/?api_key=k", "names no server"),
        ("postgresql://h/x?sslmod=require", "'sslmod'; nearest valid: sslmode"),
        ("postgresql://h/x?sslmode=require1", "valid: disable, allow"),
        ("postgresql://h/x?connection_limit=many", "connection_limit is not a number"),
        ("postgresql://h:99999/x", "malformed URL"),
        ("postgresql://h/x%zz", "percent-encoded"),
        ("postgresql://h/x%00", "percent-encoded"),
        ("postgresql://h/x%ff", "percent-encoded"),
        ("postgresql://[::1/x", "malformed URL"),
        ("postgresql://h/x?sslmode", "malformed URL"),
        ("hsot=db", "'hsot'; nearest valid: host"),
        ("host=db port=none", "port is not a number"),
        ("host=db password='open", "malformed keyword string"),
        ("host=db\nuser=x", "control character"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_with_the_way_out(text, fault):
    with pytest.raises(TargetError, match=fault):
        read_target(text)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:{SECRET}@h:port/x",
        f"postgresql://u@h:{SECRET}/x",
        f"postgresql://u:{SECRET}/b@h/x",
        f"postgresql://u:{SECRET}?b@h/x",
        f"postgresql://u:{SECRET}#b@h/x",
        f"postgresql://u:1/{SECRET}@h/x",
        f"postgresql://u:1?{SECRET}=b@h/x",
        f"postgresql://u:1?{SECRET}@h/x",
        f"postgresql://u:{SECRET}%zz@h/x",
        f"postgresql://u:[{SECRET}@[h/x",
        f"postgresql://u:{SECRET}@h/x?nonsense=1",
        f"mysql://u:{SECRET}@h/x",
        f"jdbc:postgresql://u:{SECRET}@h/x",
        f"postgresql://u:{SECRET}\n@h/x",
        f"{SECRET}",
        f"host=h password='{SECRET}",
        f"host=h password={SECRET} {SECRET}",
        f"pasword={SECRET}",
        f"postgresql://u:${{A}}{SECRET}@h:x/y",
    ],
)
def test_a_malformed_setting_keeps_its_password_to_itself(text):
    with pytest.raises(TargetError) as caught:
        read_target(text)
    assert SECRET not in str(caught.value) + repr(caught.value)
    # a traceback prints the causes too, and theirs repeat the URL
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{SECRET}@db:6432/shop",
        f"postgresql://db/x?password={SECRET}&sslpassword={SECRET}",
        f"host=db password={SECRET} scram_client_key={SECRET} oauth_client_secret={SECRET}",
    ],
)
def test_a_target_never_shows_its_password(text):
    target = read_target(text)
    assert SECRET in target.params.values()
    shown = [repr(target), str(target), f"{target}", target.safe, target.url]
    shown += [repr(target.params), str(target.params), f"{target.params}", repr([target])]
    shown += [repr(target.with_database("x")), repr(target.override(sslmode="require"))]
    assert not [text for text in shown if SECRET in text]


def test_safe_is_for_people():
    assert read_target("postgresql://ann@Db/shop").safe == "ann@db:5432/shop"
    assert read_target("service=shop").safe == "service=shop/"
    assert read_target("postgresql:///x?host=/tmp/y&port=7").safe == "/tmp/y:7/x"
    assert read_target("postgresql://[::1]/x%0A%1B[31m").safe == "[::1]:5432/x\\n\\x1b[31m"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{SECRET}@db:6432/shop",
        "postgresql://[::1]:5/x",
        "postgresql://a:1,b:2/x",
        "postgresql:///we%22ird%20%2F%3F%23%7B?host=/tmp/a%20b&port=5",
        "service=shop sslmode=verify-full sslrootcert='/a b/c'",
        "postgresql://ж@h/%3Cscript%3E",
        "port=7",
    ],
)
def test_the_url_to_keep_leads_to_the_same_place_without_the_password(text):
    target = read_target(text)
    kept = {k: v for k, v in target.params.items() if k != "password"}
    assert dict(read_target(target.url).params) == kept
    assert psycopg.conninfo.conninfo_to_dict(target.url) == kept


def test_a_target_changes_database_and_keeps_the_rest():
    target = read_target(f"postgresql://ann:{SECRET}@db/shop?connection_limit=3")
    other = target.with_database('a"b $(x)')
    assert other.params["dbname"] == 'a"b $(x)'
    assert (other.params["password"], other.connection_limit) == (SECRET, 3)
    assert target.params["dbname"] == "shop"


def test_params_are_frozen_and_travel():
    params = Params({"host": "db", "password": SECRET})
    with pytest.raises(TypeError):
        params["host"] = "x"
    assert pickle.loads(pickle.dumps(params)) == params
    assert len({params, Params(dict(params))}) == 1
    assert isinstance(hash(Target(params)), int)


def test_variables():
    environ = {"HOST": "db", "EMPTY": "", "SIGN": "${HOST}"}
    assert expand("${HOST}/${NONE:-x}/${EMPTY:-y}/${EMPTY}/$HOST", environ) == "db/x/y//$HOST"
    assert expand("${SIGN}", environ) == "${HOST}", "a value is not expanded again"
    with pytest.raises(MissingVariable) as caught:
        expand("a${NONE}", environ)
    assert caught.value.name == "NONE"


@pytest.mark.parametrize("text", ["${", "${}", "${1}", "${A-b}", "${A:-${B}}", "${a b}"])
def test_malformed_variables_are_refused(text):
    with pytest.raises(TargetError, match="malformed variable"):
        expand(text, {"A": "a", "B": "b"})


@pytest.mark.parametrize("text", ["", "${x}", "$${x}", "$$${", "$(x)", 'a"b', "${A:-b}", "$"])
def test_escaped_text_comes_back(text):
    assert expand(escape(text), {"x": "no", "A": "no"}) == text


def test_an_outline_needs_no_variable():
    one = outline("postgresql://${U}:${P}@${H}:${PORT}/${N:-shop}?schema=s&connection_limit=${L}")
    assert one.addresses == outline("postgresql://${H}:${PORT}/other").addresses
    assert one.addresses != outline("postgresql://${H}/other").addresses
    assert one.schema == "s"
    assert hanging_on(one.params["dbname"])
    assert not hanging_on(outline("postgresql://${H}/shop").params["dbname"])
    given = outline("postgresql://${H}/${N:-shop}", {"H": "db"})
    assert given == read_target("postgresql://db/shop")
    based = outline("${BASE}/shop?schema=s")
    assert (based.params["dbname"], based.schema) == ("shop", "s")
    whole = outline("${URL}")
    assert hanging_on(whole.schema)
    assert hanging_on(whole.params["dbname"])
    assert outline("host=db dbname=$${x}").params["dbname"] == "${x}"


def test_the_first_line_of_a_command_is_the_password():
    assert password_from([sys.executable, "-c", "print(' s3 cret'); print('more')"]) == " s3 cret"


def test_a_command_gets_its_words_as_they_are_and_no_shell(tmp_path):
    witness = tmp_path / "witness"
    word = f"$(touch {witness}); x"
    assert password_from([sys.executable, "-c", "import sys; print(sys.argv[1])", word]) == word
    assert not witness.exists()


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("print('hunter2'); print('hunter2', file=sys.stderr); sys.exit(3)", "exit status 3"),
        ("pass", "printed nothing"),
        ("print('hunter2', flush=True); time.sleep(60)", r"no answer within 0\.5 s"),
    ],
)
def test_a_command_that_fails_shows_its_name_and_nothing_else(program, fault, capfd):
    words = [sys.executable, "-c", f"import sys, time; {program}", SECRET]
    with pytest.raises(PasswordCommandError, match=fault) as caught:
        password_from(words, timeout=0.5 if "sleep" in program else 30)
    assert Path(sys.executable).name in str(caught.value)
    assert SECRET not in str(caught.value)
    # the exception of subprocess holds the command and what it printed
    assert caught.value.__context__ is None
    assert SECRET not in "".join(capfd.readouterr())


def test_a_command_that_does_not_exist():
    with pytest.raises(PasswordCommandError, match="'no-such-program' could not be run: No such"):
        password_from(["/nowhere/no-such-program", SECRET])


def test_the_password_is_asked_for_at_every_connect(tmp_path):
    log = tmp_path / "log"
    program = f"p = open({str(log)!r}, 'a+'); p.write('x'); p.seek(0); print(len(p.read()))"
    target = Target(Params({"host": "db"}), password_command=(sys.executable, "-c", program))
    assert [target.connecting()["password"] for _ in range(2)] == ["1", "2"]
    assert "password" not in target.params
    assert program not in repr(target)
