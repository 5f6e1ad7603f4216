"""Where and how to connect: every way in which people write it, read into libpq's keywords.

Pure but for :func:`password_from`, which runs a command that a person named. Nothing here knows a
server, and nothing that is raised, printed or compared here shows a password.

    UsageError
      TargetError           a connection setting that cannot be read
        MissingVariable     it names a variable that is not set
    Unreachable
      PasswordCommandError            the password command failed
"""

import difflib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from workbench.errors import Unreachable, UsageError

__all__ = [
    "MissingVariable",
    "Params",
    "PasswordCommandError",
    "Target",
    "TargetError",
    "escape",
    "expand",
    "hanging_on",
    "outline",
    "password_from",
    "read_target",
]

# A test holds this against the libpq that is installed.
_LIBPQ = """service user password passfile channel_binding connect_timeout dbname host hostaddr port
    client_encoding options application_name fallback_application_name keepalives keepalives_idle
    keepalives_interval keepalives_count tcp_user_timeout sslmode sslnegotiation sslcompression
    sslcert sslkey sslcertmode sslpassword sslrootcert sslcrl sslcrldir sslsni requirepeer
    require_auth min_protocol_version max_protocol_version ssl_min_protocol_version
    ssl_max_protocol_version gssencmode krbsrvname gsslib gssdelegation replication
    target_session_attrs load_balance_hosts scram_client_key scram_server_key oauth_issuer
    oauth_client_id oauth_client_secret oauth_scope sslkeylogfile"""
KEYWORDS = frozenset(_LIBPQ.split())
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SECRET = frozenset(
    {"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"}
)
# What Prisma and SQLAlchemy's drivers accept in a URL and libpq does not: it steers their own
# pools and caches, so a reader of the catalogue leaves it out.
_PRISMA = frozenset({"schema", "connection_limit", "pool_timeout"})
_POOLS = """pgbouncer socket_timeout statement_cache_size sslaccept sslidentity max_connection_lifetime
    max_idle_connection_lifetime single_use_connections prepared_statement_cache_size
    prepared_statement_name_func prepared_statements async_fallback"""
_FOREIGN = frozenset(_POOLS.split())
_VARIABLE = re.compile(
    r"\$\$\{|\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^${}]*))?\}|(?P<bad>\$\{)"
)
_KEYWORD = re.compile(
    r"\s*(?P<key>[^\s='\\]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>(?:[^\s\\']|\\.)(?:[^\s\\]|\\.)*)?)(?=\s|$)",
    re.DOTALL,
)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://")
# As libpq cuts a URL: urlsplit refuses brackets after the first host, and some letters in names.
_AUTHORITY = re.compile(r"([^/?#]*)(/[^?]*)?(?:\?(.*))?")
_HOST = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")
# Stands for the value of a variable in an outline; no name or address holds these characters.
_OPEN, _CLOSE = "\ue000", "\ue001"
_ENCODE = (
    "a reserved character in the user name or password must be percent-encoded"
    " (/ as %2F, ? as %3F, # as %23, @ as %40, : as %3A, % as %25)"
)


class TargetError(UsageError):
    """A connection setting cannot be read; the message repeats no part that could be secret."""


class MissingVariable(TargetError):
    """``${name}`` is not set and has no default."""

    def __init__(self, name: str) -> None:
        super().__init__(f"variable {name} is not set; set it, or give a default: ${{{name}:-...}}")
        self.name = name


class PasswordCommandError(Unreachable):
    """The password command failed; its output is never shown."""


class Params(Mapping[str, str]):
    """Frozen libpq keywords and values, ready for ``psycopg.connect(**params)``; hides secrets.

    >>> Params({"host": "db", "password": "hunter2"})
    Params(host='db', password='***')
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(sorted(values.items()))

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        shown = (f"{k}={('***' if k in _SECRET else v)!r}" for k, v in self._values.items())
        return f"Params({', '.join(shown)})"


@dataclass(frozen=True)
class Target:
    """Where and how to connect; neither ``repr`` nor ``str`` shows a secret."""

    params: Params
    """libpq keywords and values (host, port, user, password, dbname, service, sslmode, ...)"""
    schema: str | None = None
    """Prisma's ``?schema=``"""
    connection_limit: int | None = None
    """Prisma's size of the application's pool, connections"""
    pool_timeout: float | None = None
    """Prisma's wait for a connection of the pool, seconds"""
    password_command: tuple[str, ...] = field(default=(), repr=False)
    """what :meth:`connecting` runs for the password; empty where libpq finds it by itself"""

    def __str__(self) -> str:
        return self.safe

    @property
    def safe(self) -> str:
        r"""``user@host:port/dbname`` for people, without any secret or control character.

        >>> read_target("postgresql://ann:hunter2@db.example/shop").safe
        'ann@db.example:5432/shop'
        """
        user = f"{self.params['user']}@" if "user" in self.params else ""
        where = ",".join(sorted(self.addresses)) or "localhost"
        text = f"{user}{where}/{self.params.get('dbname', '')}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

    @property
    def url(self) -> str:
        """A libpq URI that can be kept in a file: everything libpq needs but the secrets.

        >>> read_target("host=/run/pg port=5433 user=ann password=hunter2 dbname=a/b").url
        'postgresql://ann@/a%2Fb?host=%2Frun%2Fpg&port=5433'
        """
        rest = {k: v for k, v in self.params.items() if k not in _SECRET}
        user, database = rest.pop("user", ""), rest.pop("dbname", "")
        where = ""
        if re.fullmatch(r"[\w.-]+", rest.get("host", ""), re.ASCII):
            where = rest.pop("host") + (f":{rest.pop('port')}" if rest.get("port") else "")
        query = "&".join(f"{k}={quote(v, safe='')}" for k, v in rest.items())
        return (
            f"postgresql://{quote(user, safe='') + '@' if user else ''}{where}"
            f"/{quote(database, safe='')}{'?' + query if query else ''}"
        )

    @property
    def addresses(self) -> frozenset[str]:
        """``host:port`` of every server named, comparable between targets.

        >>> sorted(read_target("postgresql://B:1,a/x").addresses)
        ['a:5432', 'b:1']
        """
        hosts = self.params.get("host") or self.params.get("hostaddr")
        if not hosts:
            if "service" in self.params:
                return frozenset({f"service={self.params['service']}"})
            hosts = "localhost"
        names = [h.lower() if not h.startswith("/") else h for h in hosts.split(",")]
        ports = self.params.get("port", "").split(",")
        ports = ports * len(names) if len(ports) == 1 else ports
        return frozenset(
            f"{f'[{host}]' if ':' in host else host or 'localhost'}:{port or '5432'}"
            for host, port in zip(names, ports, strict=False)
        )

    def with_database(self, name: str) -> "Target":
        """Return the same target with another database."""
        return self.override(dbname=name)

    def override(self, **params: str) -> "Target":
        """Return the same target with these libpq keywords instead."""
        return replace(self, params=Params({**self.params, **params}))

    def asking(self, command: Sequence[str]) -> "Target":
        """Return the same target with a command that gives its password."""
        return replace(self, password_command=tuple(command))

    def connecting(self) -> Params:
        """What to connect with now: :attr:`params`, with the password that the command gives.

        Call it at every connect, for such passwords expire. Raises :class:`PasswordCommandError`.
        """
        if not self.password_command:
            return self.params
        return Params({**self.params, "password": password_from(self.password_command)})


def read_target(text: str) -> Target:
    """Read a libpq URI or keyword string, a SQLAlchemy URL or a Prisma URL; raises TargetError.

    >>> read_target("postgresql+psycopg://ann:s%40x@db:6432/shop?sslmode=require").params
    Params(dbname='shop', host='db', password='***', port='6432', sslmode='require', user='ann')
    >>> read_target("service=shop dbname=orders").params
    Params(dbname='orders', service='shop')
    >>> read_target("postgresql://app@db/hos?schema=order_service&connection_limit=5").schema
    'order_service'
    """
    text = text.strip()
    if not text:
        raise TargetError("the connection URL is empty; write postgresql://user@host/database")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise TargetError("the connection URL holds a control character or a line break; remove it")
    scheme = _SCHEME.match(text)
    if scheme:
        return _from_url(text, scheme["scheme"])
    if text.lower().startswith("jdbc:"):
        raise TargetError("JDBC URLs are not read; drop the leading jdbc:")
    if "=" in text:
        return _from_keywords(text)
    raise TargetError(
        "neither a URL nor libpq keywords; write postgresql://user@host/database,"
        " or service=NAME for a service of pg_service.conf"
    )


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Put variables in: ``${VAR}``, ``${VAR:-default}`` where unset or empty, ``$${`` for ``${``.

    Raises :class:`MissingVariable`, or :class:`TargetError` for a malformed reference.

    >>> expand("${A}-${B:-b}-$${A}-$(x)", {"A": "a"})
    'a-b-${A}-$(x)'
    """

    def value(found: re.Match[str]) -> str:
        if found["bad"]:
            raise TargetError(
                "malformed variable; write ${NAME} or ${NAME:-default}, and $${ for ${"
            )
        if not found["name"]:
            return "${"
        given, default = environ.get(found["name"]), found["default"]
        if default is not None:
            return given or default
        if given is None:
            raise MissingVariable(found["name"])
        return given

    return _VARIABLE.sub(value, text)


def escape(text: str) -> str:
    """Write ``text`` so that :func:`expand` gives it back.

    >>> expand(escape("$${x}"), {})
    '$${x}'
    """
    return text.replace("${", "$${")


def outline(text: str, environ: Mapping[str, str] | None = None) -> Target:
    """Read a URL whose variables stand for themselves: to compare, not to connect.

    With ``environ``, only those do that are not set and have no default. A text that is one
    variable hangs on it whole: address, database and schema alike. Raises TargetError.

    >>> one, two = outline("postgresql://${H}/a"), outline("postgresql://${H}:5432/b")
    >>> one.addresses == two.addresses, hanging_on(outline("${URL}").params["dbname"])
    (True, 'URL')
    """

    def mark(found: re.Match[str]) -> str:
        if not found["name"]:
            return expand(found[0], {})
        if environ is not None:
            with suppress(MissingVariable):
                return expand(found[0], environ)
        return f"{_OPEN}{found['name']}{_CLOSE}"

    marked = _VARIABLE.sub(mark, text.strip())
    if not marked.startswith(_OPEN):
        return read_target(marked)
    target = read_target("postgresql://" + marked)
    if "dbname" in target.params:
        return target
    whole = marked[: marked.index(_CLOSE) + 1]
    return replace(target.with_database(whole), schema=target.schema or whole)


def hanging_on(value: str) -> str | None:
    """The variable on which a value of an :func:`outline` hangs, if any."""
    _, mark, rest = value.partition(_OPEN)
    return rest.partition(_CLOSE)[0] if mark else None


def password_from(command: Sequence[str], timeout: float = 30) -> str:
    """Run ``command`` without a shell and return the first line that it prints.

    ``timeout`` is in seconds. Raises :class:`PasswordCommandError`, which names the command and its exit
    status and nothing that it was given or printed.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        fault = f"gave no answer within {timeout:g} s"
    except (OSError, ValueError) as error:
        fault = f"could not be run: {getattr(error, 'strerror', None) or 'not a command'}"
    else:
        line = done.stdout.split(b"\n", 1)[0].rstrip(b"\r").decode(errors="surrogateescape")
        if done.returncode == 0 and line:
            return line
        fault = (
            f"ended with exit status {done.returncode}" if done.returncode else "printed nothing"
        )
    raise PasswordCommandError(
        f"password_command {name!r} {fault}; run it by hand in this environment"
    )


def _from_url(text: str, scheme: str) -> Target:
    base, _, _ = scheme.lower().partition("+")
    if base == "prisma":
        raise TargetError(
            "an Accelerate URL names no server; give the database's own postgresql:// URL"
        )
    if base not in {"postgresql", "postgres"}:
        raise TargetError(f"unknown scheme {scheme}://; nearest valid: postgresql://")
    try:
        cut = _AUTHORITY.fullmatch(text[len(scheme) + 3 :])
        if cut is None:
            raise ValueError
        authority, path, asked = cut.groups(default="")
        query = parse_qsl(
            asked.replace("+", "%2B"),  # libpq reads no + as a space
            keep_blank_values=True,
            strict_parsing=bool(asked),
            errors="strict",
        )
        credentials, _, hosts = authority.rpartition("@")
        if not credentials and ("@" in path or (not path and "@" in asked)):
            raise ValueError  # the authority ended inside a password
        user, _, password = credentials.partition(":")
        given = {"user": user, "password": password, "dbname": path[1:], **_hosts(hosts)}
        params = {k: _decode(v) for k, v in given.items() if v}
    except ValueError:
        # the causes repeat parts of the URL, and what looks like a port may be a password
        raise TargetError(f"malformed URL: host, port or query cannot be read; {_ENCODE}") from None
    return _sorted_out(params, _several_hosts(query))


def _hosts(text: str) -> dict[str, str]:
    """Host and port keywords from ``a:1,[::1],c``; raises ValueError."""
    found = [_HOST.fullmatch(part) for part in text.split(",")]
    names, ports = [], []
    for match in found:
        if match is None or not _is_port(match["port"] or ""):
            raise ValueError
        names.append(match["v6"] or match["name"] or "")
        ports.append(match["port"] or "")
    return {
        "host": ",".join(names) if any(names) else "",
        "port": ",".join(ports) if any(ports) else "",
    }


def _is_port(text: str) -> bool:
    if not text or hanging_on(text):
        return True
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", text):
        raise ValueError
    return unquote(text, errors="strict")


def _several_hosts(query: list[tuple[str, str]]) -> dict[str, str]:
    """The query as a mapping; SQLAlchemy names several hosts as ``host=a:1&host=b:2``."""
    values = dict(query)
    hosts = [value for key, value in query if key == "host"]
    pairs = [re.fullmatch(r"([^:/]+):(\d+)", host) for host in hosts]
    if len(hosts) > 1 or any(pairs):
        values["host"] = ",".join(p[1] if p else h for p, h in zip(pairs, hosts, strict=True))
        if any(pairs):
            values["port"] = ",".join(p[2] if p else "" for p in pairs)
    return values


def _from_keywords(text: str) -> Target:
    params: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _KEYWORD.match(text, at)
        if not found:
            raise TargetError(
                "malformed keyword string; write key=value pairs, a value with spaces in single"
                " quotes, and \\' for a quote inside"
            )
        value = found["quoted"] if found["quoted"] is not None else found["bare"] or ""
        params[found["key"]] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        at = found.end()
    return _sorted_out({}, params)


def _sorted_out(params: dict[str, str], given: dict[str, str]) -> Target:
    """Tell libpq's keywords from what only an application's pool understands."""
    given = dict(given)
    if "ssl" in given:
        ssl = given.pop("ssl")
        given.setdefault(
            "sslmode", {"true": "require", "1": "require", "false": "disable"}.get(ssl, ssl)
        )
    if (
        "sslcert" in given
        and "sslkey" not in given
        and given.keys() & {"schema", "sslaccept", "sslidentity"}
    ):
        given["sslrootcert"] = given.pop("sslcert")  # Prisma's sslcert is the authority's
    for key in sorted(given.keys() - KEYWORDS - _PRISMA - _FOREIGN):
        raise TargetError(_unknown(key))
    merged = params | {k: v for k, v in given.items() if k in KEYWORDS and v}
    mode = merged.get("sslmode")
    if mode and mode not in SSLMODES and not hanging_on(mode):
        raise TargetError(f"unknown sslmode; valid: {', '.join(SSLMODES)}")
    if not all(_is_port(port) for port in merged.get("port", "").split(",")):
        raise TargetError("the port is not a number from 1 to 65535")
    limit = _count(given, "connection_limit")
    return Target(
        params=Params(merged),
        schema=given.get("schema") or None,
        connection_limit=None if limit is None else int(limit),
        pool_timeout=_count(given, "pool_timeout"),
    )


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, sorted(KEYWORDS | _PRISMA), n=1)
    # a key that looks like no key may be a piece of a password
    shown = (
        f"unknown parameter {key!r}" if re.fullmatch(r"[a-z_]{1,40}", key) else "unknown parameter"
    )
    return f"{shown}; nearest valid: {near[0]}" if near else f"{shown}; {_ENCODE}"


def _count(given: Mapping[str, str], key: str) -> float | None:
    """A number from 0 up, or None where there is none or a variable stands for it."""
    text = given.get(key)
    if not text or hanging_on(text):
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise TargetError(f"{key} is not a number from 0 up")
    return float(text)
