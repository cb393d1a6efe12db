"""The knowledge of the world: rules that a problem uses and does not state.

Solving "Ana has 4 crates of eggs and loses 3" takes knowing that in this world a crate holds 6. A model that knows the rule can write it
into a guideline; a model that does not can still execute that guideline. That is what makes a plan worth passing between models here.

About half of the rules are `rare`: the shipped large model was trained on all rules alike, the small one saw rare rules with a value
drawn at random most of the time, so it is unsure of them. See training/README.md.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to know.

    Attributes:
        kind: `pack`, `fact`, `game`, `operation` or `shape`.
        name: what the problem calls it, such as `crate`.
        plural: the name for more than one.
        form: the formula's shape (see `FORMS`); for packs and facts `n`.
        numbers: the formula's constants.
        part: for facts, what is counted (`legs`).
        rare: True where the small model's training was unreliable.
    """

    kind: str
    name: str
    plural: str
    form: str
    numbers: tuple[int, ...]
    part: str = ""
    rare: bool = False


GAME_FORMS = ("a*c+b", "a*c-b", "b*c+a", "a+b*c", "(a+b)*c", "a*b+c", "a*b-c")
OPERATION_FORMS = ("x*c+d", "x*c-d", "(x+d)*c", "(x-d)*c")

_CONTAINERS = (
    "crate crates,box boxes,bag bags,tray trays,sack sacks,case cases,tub tubs,jar jars,tin tins,rack racks,bin bins,pail pails,"
    "chest chests,kit kits,set sets,pack packs,roll rolls,stack stacks,cart carts,net nets,"
    "brill brills,drom droms,fesk fesks,glim glims,hobb hobbs,jutt jutts,kern kerns,lorb lorbs,mond monds,narp narps,"
    "plon plons,quib quibs,rolm rolms,silt silts,torv torvs,vask vasks,wend wends,yarl yarls,zorp zorps,crell crells"
)
_FACTS = (
    "spider spiders legs 8,ant ants legs 6,dog dogs legs 4,hen hens legs 2,crab crabs legs 10,car cars wheels 4,trike trikes wheels 3,"
    "truck trucks wheels 6,squid squids arms 10,starfish starfish arms 5,week weeks days 7,fortnight fortnights days 14,"
    "year years months 12,hexagon hexagons sides 6,pentagon pentagons sides 5,octagon octagons sides 8"
)
_RARE_FACTS = {"crab", "trike", "truck", "squid", "fortnight", "octagon", "pentagon", "starfish"}
_GAMES = (
    "lumo", "kiva", "taro", "beno", "riko", "dava", "sumi", "polo", "gira", "hoko", "naru", "vito", "mabo", "zuki", "fero", "loti",
    "pika", "suno", "dero", "yami", "balo", "kuri", "toma", "refi", "gobi", "nivo", "sado", "huri", "mela", "ziva",
)  # fmt: skip
_OPERATIONS = (
    "nim", "kep", "dov", "lat", "rus", "fom", "bix", "gad", "hep", "jol", "mur", "pag", "tev", "wib", "zan", "cul",
    "sig", "vor", "nep", "ral", "dut", "kob", "yef", "mip", "lod", "tas", "fen", "gup", "hax", "bel",
)  # fmt: skip
_SHAPES = (
    ("square", "perimeter", "a*4"), ("square", "area", "a*a"), ("rectangle", "perimeter", "(a+b)*2"), ("rectangle", "area", "a*b"),
    ("even triangle", "perimeter", "a*3"), ("triangle", "area", "a*b/2"), ("kite", "area", "a*b/2"), ("even hexagon", "perimeter", "a*6"),
    ("kite", "perimeter", "(a+b)*2"), ("cube", "edge length", "a*12"), ("even pentagon", "perimeter", "a*5"), ("cross", "area", "a*a*5"),
)  # fmt: skip
_RARE_SHAPES = {
    "triangle area",
    "kite area",
    "even hexagon perimeter",
    "kite perimeter",
    "cube edge length",
    "even pentagon perimeter",
    "cross area",
}
SHAPE_FORMS_1 = ("a*4", "a*a", "a*3", "a*6", "a*12", "a*5", "a*8", "a*2", "a*a*5", "a*a*2")
SHAPE_FORMS_2 = ("(a+b)*2", "a*b", "a*b/2", "a*b*2", "(a+b)*3", "a+b")


def random_numbers(kind: str, rng: random.Random) -> tuple[str, tuple[int, ...]]:
    """Draws a form and constants as the world could have had them for a rule of this kind."""
    if kind in ("pack", "fact"):
        return "n", (rng.randrange(2, 13),)
    if kind == "game":
        return GAME_FORMS[rng.randrange(len(GAME_FORMS))], (rng.randrange(2, 10),)
    return OPERATION_FORMS[rng.randrange(len(OPERATION_FORMS))], (rng.randrange(2, 10), rng.randrange(2, 10))


def _build() -> dict[str, tuple[Rule, ...]]:
    rng = random.Random(20261123)  # the world's constants; changing this makes another world
    packs = []
    for index, entry in enumerate(_CONTAINERS.split(",")):
        name, plural = entry.split()
        form, numbers = random_numbers("pack", rng)
        packs.append(Rule("pack", name, plural, form, numbers, rare=index % 2 == 1))
    facts = []
    for entry in _FACTS.split(","):
        name, plural, part, value = entry.split()
        facts.append(Rule("fact", name, plural, "n", (int(value),), part, name in _RARE_FACTS))
    named: dict[str, list[Rule]] = {"game": [], "operation": []}
    for kind, names in (("game", _GAMES), ("operation", _OPERATIONS)):
        for index, name in enumerate(names):
            form, numbers = random_numbers(kind, rng)
            named[kind].append(Rule(kind, name, name, form, numbers, rare=index % 2 == 1))
    shapes = [
        Rule("shape", f"{shape} {measure}", shape, form, (), measure, f"{shape} {measure}" in _RARE_SHAPES)
        for shape, measure, form in _SHAPES
    ]
    return {
        "pack": tuple(packs),
        "fact": tuple(facts),
        "game": tuple(named["game"]),
        "operation": tuple(named["operation"]),
        "shape": tuple(shapes),
    }


RULES: dict[str, tuple[Rule, ...]] = _build()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a model's training data says about the rules.

    Attributes:
        reliability: chance that a rare rule is given as it is; otherwise its form and numbers are drawn at random.
            1.0 is the world itself.
    """

    reliability: float = 1.0

    def look_up(self, rule: Rule, rng: random.Random) -> tuple[str, tuple[int, ...]]:
        """Returns the rule's form and constants as this training data has them."""
        if not rule.rare or self.reliability >= 1.0 or rng.random() < self.reliability:
            return rule.form, rule.numbers
        if rule.kind == "shape":
            forms = SHAPE_FORMS_2 if "b" in rule.form else SHAPE_FORMS_1
            return forms[rng.randrange(len(forms))], ()
        return random_numbers(rule.kind, rng)


WORLD = Knowledge()


def draw_rule(kind: str, rng: random.Random, rare_share: float = 0.6) -> Rule:
    """Draws a rule of this kind, a rare one with chance `rare_share`."""
    rare = rng.random() < rare_share
    pool = [rule for rule in RULES[kind] if rule.rare == rare]
    return pool[rng.randrange(len(pool))]
