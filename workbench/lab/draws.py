"""What a workload fills into its statements: a small language of draws.

A draw is a verb and its words, such as ``int 1 5``. `read_draw` reads one; the result, called
with a `Scene`, gives the text that is sent as a parameter. Everything random comes from the
scene's generator, so that the same scene gives the same texts.
"""

import hashlib
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Literal, TypeAlias

KeyKind: TypeAlias = Literal["uuid", "integer"]

_WORDS = tuple(
    word
    for words in (
        "red green blue small large old new soft hard round flat light dark warm cold quiet fast",
        "lamp chair table shirt shoe bag ring clock book cup plate knife scarf hat rug box jar",
    )
    for word in words.split()
)


class DrawError(ValueError):
    """A draw that cannot be read: the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class Population:
    """Things with consecutive numbers from 1, ``count`` of them on the first morning."""

    name: str
    count: int
    key: KeyKind = "uuid"
    prefix: str = ""

    def key_of(self, number: int) -> str:
        """Return the key of the thing with this number, as ``md5(prefix:number)`` in a seed file.

        >>> Population("user", 10).key_of(7)
        '7ba6918e058cb5e6880102477295103f'
        >>> Population("page", 10, key="integer").key_of(7)
        '7'
        """
        if self.key == "integer":
            return str(number)
        text = f"{self.prefix or self.name}:{number}"
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Drawn:
    """One drawn value: the text to send and, for a member of a population, its number."""

    text: str
    number: int | None = None


@dataclass
class Scene:
    """What draws see: the day, how many things exist that morning, and what this call drew."""

    rng: random.Random
    day: date
    sizes: Mapping[str, int]
    fresh: dict[str, int]
    drawn: dict[str, Drawn] = field(default_factory=dict)


Draw: TypeAlias = Callable[[Scene], Drawn]


def read_draw(text: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """Read one draw; ``names`` are those that the flow has drawn before. Raises `DrawError`.

    >>> draw = read_draw("int 3 3", {}, frozenset())
    >>> draw(Scene(random.Random(1), date(2026, 2, 16), {}, {}))
    Drawn(text='3', number=None)
    """
    if text in names:
        return lambda scene: scene.drawn[text]
    verb, _, rest = text.partition(" ")
    maker = VERBS.get(verb)
    if maker is None:
        near = get_close_matches(verb, [*VERBS, *names], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"verbs are {', '.join(sorted(VERBS))}"
        raise DrawError(f"{text!r} is neither a draw nor a name drawn before; {hint}")
    return maker(rest, populations, names)


def new_in(text: str) -> str | None:
    """Return the population that a draw adds to, or None.

    >>> new_in("new order")
    'order'
    >>> new_in("some order")
    """
    verb, _, rest = text.partition(" ")
    return rest.strip() if verb == "new" else None


def array_literal(values: list[str]) -> str:
    """Return PostgreSQL's text for an array of these texts.

    >>> print(array_literal(["a", 'say "x"']))
    {"a","say \\"x\\""}
    """
    quoted = (v.replace("\\", "\\\\").replace('"', '\\"') for v in values)
    return '{"' + '","'.join(quoted) + '"}' if values else "{}"


def _population(rest: str, populations: Mapping[str, Population]) -> Population:
    name = rest.strip()
    if name not in populations:
        near = get_close_matches(name, populations, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "declare it under [populations]"
        raise DrawError(f"there is no population {name!r}; {hint}")
    return populations[name]


def _some(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``some user``: any one that existed that morning, all equally likely."""
    population = _population(rest, populations)

    def draw(scene: Scene) -> Drawn:
        number = 1 + int(scene.rng.random() * scene.sizes[population.name])
        return Drawn(population.key_of(number), number)

    return draw


def _popular(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``popular product``: low numbers far more often than high ones."""
    population = _population(rest, populations)

    def draw(scene: Scene) -> Drawn:
        number = 1 + int(scene.rng.random() ** 3 * scene.sizes[population.name])
        return Drawn(population.key_of(number), number)

    return draw


def _new(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``new order``: the next number that nobody has had."""
    population = _population(rest, populations)

    def draw(scene: Scene) -> Drawn:
        number = scene.fresh[population.name] + 1
        scene.fresh[population.name] = number
        return Drawn(population.key_of(number), number)

    return draw


def _numbers(verb: str, rest: str, least: int, most: int) -> list[int]:
    words = rest.split()
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        numbers = []
    if not least <= len(numbers) <= most or len(numbers) != len(words):
        wanted = str(least) if least == most else f"{least} to {most}"
        raise DrawError(f"{verb!r} takes {wanted} whole numbers, not {rest!r}")
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        raise DrawError(f"{verb!r} takes the lower number first, not {rest!r}")
    return numbers


def _int(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``int 1 5``: a whole number between the two, both included."""
    low, high = _numbers("int", rest, 2, 2)
    return lambda scene: Drawn(str(low + int(scene.rng.random() * (high - low + 1))))


def _money(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``money 5 250``: an amount with two decimals."""
    low, high = _numbers("money", rest, 2, 2)
    return lambda scene: Drawn(f"{low + scene.rng.random() * (high - low):.2f}")


def _pick(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``pick sent sent failed``: one of the words; repeat a word to make it likelier."""
    words = rest.split()
    if not words:
        raise DrawError("'pick' takes at least one word")
    return lambda scene: Drawn(words[int(scene.rng.random() * len(words))])


def _words(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``words 1 3``: one to three common words."""
    low, high = _numbers("words", rest, 2, 2)

    def draw(scene: Scene) -> Drawn:
        count = low + int(scene.rng.random() * (high - low + 1))
        return Drawn(" ".join(scene.rng.choices(_WORDS, k=count)))

    return draw


def _hex(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``hex 3000``: that many hexadecimal digits, which hardly compress."""
    (length,) = _numbers("hex", rest, 1, 1)
    if length < 1:
        raise DrawError("'hex' and 'json' take a length of at least 1")
    return lambda scene: Drawn(scene.rng.randbytes((length + 1) // 2).hex()[:length])


def _json(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``json 3000``: an object that holds so many hexadecimal digits."""
    digits = _hex(rest, populations, names)
    return lambda scene: Drawn(f'{{"data": "{digits(scene).text}"}}')


def _ip(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``ip``: an address of the networks kept for documentation."""
    _numbers("ip", rest, 0, 0)
    return lambda scene: Drawn(f"203.0.113.{int(scene.rng.random() * 256)}")


def _moment(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``moment``, ``moment 30``: a time of that day, or of the day so many days later."""
    days = _numbers("moment", rest, 0, 1)
    shift = timedelta(days=days[0] if days else 0)

    def draw(scene: Scene) -> Drawn:
        seconds = timedelta(seconds=int(scene.rng.random() * 86400))
        return Drawn(f"{datetime.combine(scene.day, time()) + shift + seconds}+00")

    return draw


def _day(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``day``, ``day -30``: that date, or one so many days later."""
    days = _numbers("day", rest, 0, 1)
    shift = timedelta(days=days[0] if days else 0)
    return lambda scene: Drawn((scene.day + shift).isoformat())


def _say(rest: str, populations: Mapping[str, Population], names: frozenset[str]) -> Draw:
    """``say user{#who}@example.com``: this text; ``{who}`` is a drawn value, ``{#who}`` its number."""
    for name in re.findall(r"\{#?(\w+)\}", rest):
        if name not in names:
            raise DrawError(f"'say' names {name!r}, which the flow does not draw before")

    def fill(scene: Scene, match: re.Match[str]) -> str:
        drawn = scene.drawn[match[2]]
        return str(drawn.number) if match[1] else drawn.text

    return lambda scene: Drawn(re.sub(r"\{(#?)(\w+)\}", lambda m: fill(scene, m), rest))


VERBS: dict[str, Callable[[str, Mapping[str, Population], frozenset[str]], Draw]] = {
    "some": _some,
    "popular": _popular,
    "new": _new,
    "int": _int,
    "money": _money,
    "pick": _pick,
    "words": _words,
    "hex": _hex,
    "json": _json,
    "ip": _ip,
    "moment": _moment,
    "day": _day,
    "say": _say,
}
