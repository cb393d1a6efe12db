"""The words of the world: people, things, and sentences that are true but do not matter."""

from __future__ import annotations

PEOPLE = (
    "Ana",
    "Ben",
    "Cy",
    "Dan",
    "Eva",
    "Finn",
    "Gus",
    "Hana",
    "Ian",
    "Joy",
    "Kim",
    "Leo",
    "Mia",
    "Noa",
    "Omar",
    "Pia",
)
THINGS = (
    "pins",
    "eggs",
    "cups",
    "pens",
    "nuts",
    "figs",
    "caps",
    "keys",
    "toys",
    "beads",
    "cards",
    "coins",
    "shells",
    "plums",
    "rings",
    "bolts",
)

PERSON_SLOTS = ("@A", "@B", "@C", "@D", "@E")
THING_SLOTS = ("@t", "@u")

DISTRACTORS = (
    "@E has {n} @u.",
    "@E finds {n} @u.",
    "@E is {n} years old.",
    "The walk takes {n} minutes.",
    "It is {n} degrees.",
    "There are {n} chairs.",
)

GAINS = ("@A buys {n} more.", "@A finds {n} more.", "@A gets {n} more.", "@B gives @A {n} more.")
LOSSES = ("@A loses {n}.", "@A gives {n} to @B.", "@A sells {n}.", "@A drops {n}.")
