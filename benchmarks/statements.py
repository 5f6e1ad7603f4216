"""Reading statements: 5,000 distinct texts as ORMs write them, against pglast's referenced_relations.

That visitor finds the relations alone; the workbench's time includes joins, filters, functions and the
fingerprint. Prints both, their ratio, what the parser itself costs, and what the same texts cost again
from stored facts.
"""

import random
import statistics
import time
from collections.abc import Callable

from pglast.parser import parse_sql_json
from pglast.visitors import referenced_relations

from workbench.sql import read_statement
from workbench.sql.statement import statement_from_json

TEXTS, ROUNDS = 5000, 5


def main() -> None:
    texts = orm_texts(TEXTS)
    assert len(set(texts)) == TEXTS
    facts = [read_statement(t).to_json() for t in texts]
    work: list[tuple[str, Callable[[str], object], list[str]]] = [
        ("workbench.read_statement", read_statement, texts),
        ("referenced_relations", referenced_relations, texts),
        ("the parser's JSON alone", parse_sql_json, texts),
        ("from stored facts", statement_from_json, facts),
    ]
    times = {name: [] for name, _, _ in work}
    for _ in range(ROUNDS):  # turn by turn, so that a busy machine is busy for all of them
        for name, run, given in work:
            start = time.perf_counter()
            for text in given:
                run(text)
            times[name].append(time.perf_counter() - start)
    mine = statistics.median(times["workbench.read_statement"])
    print(f"  {TEXTS} texts of {sum(map(len, texts)) // TEXTS} characters in the mean")
    for name, taken in times.items():
        took = statistics.median(taken)
        print(f"  {name:26} {took * 1e6 / TEXTS:7.1f} µs a text  {took / mine:5.2f}")


def orm_texts(count: int) -> list[str]:
    """Texts of five ORMs in turn, with tables, columns and lengths drawn from a fixed seed."""
    draw = random.Random(7)
    makers = (prisma, hibernate, django, typeorm, rails, reports)
    texts: dict[str, None] = {}
    while len(texts) < count:
        texts[makers[len(texts) % len(makers)](draw)] = None
    return list(texts)


WORDS = [
    "user",
    "order",
    "item",
    "invoice",
    "payment",
    "session",
    "cart",
    "address",
    "product",
    "review",
    "ticket",
    "event",
    "badge",
    "team",
]
FIELDS = [
    "id",
    "name",
    "email",
    "status",
    "total",
    "created_at",
    "updated_at",
    "owner_id",
    "kind",
    "amount",
    "note",
    "locale",
    "version",
]


def table(draw: random.Random) -> str:
    return f"{draw.choice(WORDS)}_{draw.choice(WORDS)}"


def columns(draw: random.Random, least: int = 4) -> list[str]:
    return draw.sample(FIELDS, draw.randint(least, len(FIELDS)))


def params(draw: random.Random, first: int) -> str:
    many = draw.choice((1, 2, 3, 8, 20, 100))
    return ",".join(f"${n}" for n in range(first, first + many))


def prisma(draw: random.Random) -> str:
    t, c = f'"public"."{table(draw).title()}"', columns(draw)
    listed = ", ".join(f'{t}."{x}"' for x in c)
    if draw.random() < 0.2:
        values = ",".join(f"${n + 1}" for n in range(len(c)))
        named = ",".join(f'"{x}"' for x in c)
        return f"INSERT INTO {t} ({named}) VALUES ({values}) RETURNING {listed}"
    return (
        f'SELECT {listed} FROM {t} WHERE ({t}."{c[0]}" = $1 AND {t}."{c[1]}" IN ({params(draw, 2)})) '
        f'ORDER BY {t}."{c[2]}" ASC LIMIT $200 OFFSET $201'
    )


def hibernate(draw: random.Random) -> str:
    t, u, v = (table(draw) for _ in range(3))
    listed = (
        ",".join(f"a1_0.{x}" for x in columns(draw))
        + ","
        + ",".join(f"b1_0.{x}" for x in columns(draw))
    )
    return (
        f"select {listed} from {t} a1_0 left join {u} b1_0 on b1_0.id=a1_0.{u}_id join {v} c1_0 on "
        f"c1_0.id=b1_0.{v}_id where a1_0.status=$1 and c1_0.kind in ({params(draw, 2)}) "
        f"order by a1_0.created_at desc fetch first $300 rows only"
    )


def django(draw: random.Random) -> str:
    t, u, c = table(draw), table(draw), columns(draw)
    listed = ", ".join(f'"{t}"."{x}"' for x in c)
    if draw.random() < 0.2:
        changes = ", ".join(f'"{x}" = $1' for x in c)
        return f'UPDATE "{t}" SET {changes} WHERE "{t}"."id" = $2'
    return (
        f'SELECT {listed} FROM "{t}" INNER JOIN "{u}" ON ("{t}"."{u}_id" = "{u}"."id") WHERE '
        f'("{u}"."name"::text LIKE $1 AND NOT ("{t}"."id" IN (SELECT U0."id" FROM "{t}" U0 WHERE '
        f'U0."owner_id" = $2))) ORDER BY "{t}"."{c[0]}" ASC LIMIT 21'
    )


def typeorm(draw: random.Random) -> str:
    t, u, c = table(draw), table(draw), columns(draw)
    listed = ", ".join(f'"{a}"."{n}" AS "{a}_{n}"' for a in "xy" for n in c)
    return (
        f'SELECT {listed} FROM "{t}" "x" LEFT JOIN "{u}" "y" ON "y"."{t}_id"="x"."id" AND "y"."deleted_at" IS NULL '
        f'WHERE ( "x"."{c[0]}" = $1 ) AND ( "x"."deleted_at" IS NULL )'
    )


def rails(draw: random.Random) -> str:
    t, c = table(draw), columns(draw)
    if draw.random() < 0.3:
        return f'SELECT 1 AS one FROM "{t}" WHERE "{t}"."{c[0]}" = $1 AND "{t}"."{c[1]}" >= $2 LIMIT $3'
    return f'SELECT "{t}".* FROM "{t}" WHERE "{t}"."{c[0]}" IN ({params(draw, 1)}) AND "{t}"."{c[1]}" = $150'


def reports(draw: random.Random) -> str:
    t, u, c = table(draw), table(draw), columns(draw)
    return (
        f"WITH recent AS (SELECT {', '.join(c)} FROM {t} WHERE created_at > now() - $1::interval), totals AS "
        f"(SELECT owner_id, sum(total) AS total, count(*) AS n FROM recent GROUP BY owner_id HAVING count(*) > $2) "
        f"SELECT u.id, u.name, totals.total, coalesce(totals.n, 0) FROM {u} u JOIN totals ON totals.owner_id = u.id "
        f"WHERE EXISTS (SELECT 1 FROM {t} e WHERE e.owner_id = u.id AND e.{c[0]} = $3) ORDER BY totals.total DESC LIMIT 50"
    )
