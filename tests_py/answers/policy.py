r"""The policy of grading as cases: what the tests hold, and what docs/answers.md shows.

python -m tests_py.answers.policy     writes docs/answers.md
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cope import answers

DOCUMENT = Path(__file__).parents[2] / "docs" / "answers.md"

# Section -> (gold, prediction, correct).
CASES: dict[str, list[tuple[str, str, bool]]] = {
    "Numbers": [
        (r"\frac{1}{2}", "0.5", True),
        (r"\frac{6}{8}", r"\tfrac34", True),
        ("1.8", r"1\frac45", True),
        ("137.5", "137 1/2", True),
        (r"\frac59", r"0.\overline{5}", True),
        (r"\frac16", r"0.1\overline{6}", True),
        ("1234567", "1,234,567", True),
        ("2000", r"2\,000", True),
        ("12,345", "12, 345", False),
        ("32348", "323,48", False),
        (".0000672", r"6.72\times10^{-5}", True),
        ("0.00001", "1e-5", True),
        (r"10^{-7}", r"2\cdot10^{-7}", False),
        (r"2^{-99}", r"2^{-98}", False),
        ("1/2004!", "1/2006!", False),
        ("13535", "13534", False),
        ("3", "three", True),
        ("1500000", r"1.5\text{ million}", True),
        ("2 3", "23", False),
        ("42", "forty-two", True),
        ("2", "two thirds", False),
        (r"\frac13", "0.333...", True),
        (r"\frac13", "0.33...", False),
        ("0.5", r"\frac12\text{ or }0.5", True),
        ("10000", r"10{,}000", True),
        ("10000", r"10\!000", True),
        ("1024", "2¹⁰", True),
        (r"\frac13", "0.(3)", True),
        ("0.0012", "1.2 x 10^{-3}", True),
        ("3.5", "three and a half", True),
        ("-7", "negative seven", True),
        ("17", r"17^{\text{th}}", True),
    ],
    "Approximations: at least 7 significant digits, correctly rounded": [
        (r"\frac43", "1.333333", True),
        (r"\frac43", "1.33", False),
        (r"\sqrt5", "2.236", False),
        (r"\sqrt2", "1.4142135623730951", True),
        (r"\frac{2}{1005}", "0.00199", False),
        (r"\pi", r"\frac{22}{7}", False),
        ("0.1", "0.10000001", False),
        (r"e^{\pi\sqrt{163}}", "262537412640768744", False),
        ("4495", r"\binom{31}{28}\approx10476", False),
    ],
    "Percentages, units, money, angles": [
        (r"198\%", "198", True),
        ("42", r"42\%", True),
        ("0.15", r"15\%", True),
        ("0.15", "15", False),
        (r"90^\circ", "90", True),
        (r"90^\circ", r"\frac{\pi}{2}", True),
        (r"60^\circ", r"60\text{ radians}", False),
        (r"90^\circ", r"90\%", False),
        (r"15\mbox{ cm}^2", "15", True),
        (r"15\mbox{ cm}^2", "225", False),
        (r"15\mbox{ cm}^2", r"15\text{ m}^2", False),
        (r"12\text{ cm}", r"0.12\text{ m}", True),
        (r"3\text{ m/s}", r"3\text{ meters per second}", True),
        (r"5\text{ apples}", r"5\text{ oranges}", False),
        ("10", r"10\text{ square units}", True),
        (r"5.4\text{ cents}", r"\$0.054", True),
        (r"\$36", r"36\text{ cents}", False),
        (r"\$32,\!348", "32348 dollars", True),
        ("12", "12 m", True),
        (r"12\text{ cm}", "0.12 m", True),
        ("12", "12x", False),
        (r"2.5\text{ hours}", "2 hours 30 minutes", True),
        (r"500\text{ mL}", r"500\text{ cm}^3", True),
        (r"\frac{\pi}{6}", r"\frac{\pi}{6}^\circ", False),
    ],
    "Names": [
        ("x=5", "5", True),
        ("3", "x=3", True),
        ("x=5", "y=5", False),
        ("2=x", "x=2", True),
        ("y=2x+3", "f(x)=2x+3", True),
        (r"\angle A=30^\circ", "30", True),
        ("7", "m+n=7", True),
        ("7", "2x=7", False),
        ("4", r"\text{Speed}=4\text{ in/s}", True),
        ("(1,2)", "P(1,2)", True),
        ("(1,2)", "y=1,x=2", False),
        ("(0,1)", "0<y<1", True),
        ("x>2", "y>2", False),
        (r"n\equiv3\pmod7", r"n\equiv3\pmod5", False),
        ("p-q", "P-Q", False),
        ("x", "5", False),
        ("f(2)", r"f\left(2\right)", True),
        ("f(2)", "2f", False),
        ("f(x+1)", "f(1+x)", True),
        ("f(x+1)", "fx+f", False),
        ("x(2)", "2x", True),
        ("h(a+b)", "ah+bh", True),
        ("2x+1=f(x)", "f(x)=2x+1", True),
    ],
    "Other bases and times": [
        ("52_8", "52", True),
        ("52_8", r"52_{8}", True),
        ("52_8", "52_9", False),
        ("52_8", "42", False),
        ("20:34", "08:34 P.M.", True),
        ("4:30 p.m.", "4:30", True),
        ("4:30 p.m.", "4:30 a.m.", False),
        ("1011_2", "1011 (base 2)", True),
        ("1011_2", "1011_{10}", False),
        ("2A5_{16}", "2A5", True),
        ("7:30 a.m.", "19:30", False),
        ("12:00 noon", "12 p.m.", True),
        ("3:4", "3 to 4", True),
        ("3:4", "4:3", False),
    ],
    "Lists, sets, tuples": [
        ("1,-2", "-2,1", True),
        ("1,-2", r"\{-2,1\}", True),
        ("1,-2", "(1,-2)", False),
        ("(6,31,-1)", "6,31,-1", True),
        ("(6,31,-1)", r"\{6,31,-1\}", False),
        ("(1,2)", r"\langle 1,2\rangle", True),
        (r"\langle 1,2\rangle", "1.2", False),
        ("(1,3,2)", "[1,2,3]", False),
        (r"1\pm\sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}", True),
        (r"1\pm\sqrt{19}", r"\frac{2\pm\sqrt{76}}{2}", True),
        (r"1\pm\sqrt{19}", r"1+\sqrt{19}", False),
        ("10", r"10\text{ and }12", False),
        ("1,2,3", "x=1,y=2,z=3", True),
        (r"x=2\text{ or }x=-3", "-3,2", True),
        (r"\emptyset", r"\{\}", True),
        ("0", r"\emptyset", False),
        ("1,2,3", "n=1,2,3", True),
        ("(1,2)", r"x=1\text{ and }y=2", True),
        (r"\emptyset", "There is no solution", True),
        (r"\text{no solution}", "no real solutions", False),
        ("1,2,3", "1,2,3,3", True),
        ("1,1,2", "1,2,2", False),
    ],
    "Intervals and inequalities": [
        ("(2,4)", "2<x<4", True),
        ("(2,4)", "[2,4]", False),
        (r"(2,\infty)", "x>2", True),
        (r"(2,\infty)", "]2,\\infty[", True),
        (r"(2,\infty)", r"x\ge2", False),
        (r"(-\sqrt3,\sqrt3)", r"|x|<\sqrt3", True),
        (r"(-\infty,2)\cup(3,\infty)", r"x<2\text{ or }x>3", True),
        (r"(2,12)\cup(12,102)", r"(2,102)\setminus\{12\}", True),
        (r"\{x\mid x>2\}", r"(2,\infty)", True),
        (r"x\neq3", r"(-\infty,3)\cup(3,\infty)", True),
        (r"(-\infty,-1)\cup(2,\infty)", r"(-\infty,-1)\text{ and }(2,\infty)", True),
        (r"x\ne2", r"\text{all real numbers except }2", True),
    ],
    "Vectors and matrices": [
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1\\[4pt]2\end{bmatrix}", True),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)", True),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", False),
        (r"\begin{pmatrix}1/3\\2/3\end{pmatrix}", r"\frac13\begin{pmatrix}1\\2\end{pmatrix}", True),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4]]", True),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", False),
        (r"\langle1,2,3\rangle", r"\mathbf{i}+2\mathbf{j}+3\mathbf{k}", True),
    ],
    "Expressions": [
        ("x^2-1", "(x-1)(x+1)", True),
        (r"\frac{x^9-1}{x-1}", "x^8+x^7+x^6+x^5+x^4+x^3+x^2+x+1", True),
        ("x^{100}", "x^{100}+1", False),
        ("x", "x+10^{-40}", False),
        ("|x|", "x", False),
        (r"|x-3|", r"\sqrt{(x-3)^2}", True),
        ("3-x", r"\sqrt{(x-3)^2}", False),
        ("6-5i", "6 - 5 i", True),
        ("1+2i", "i(2-i)", True),
        ("-1", r"e^{i\pi}", True),
        ("-2", r"\sqrt[3]{-8}", True),
        (r"3\sqrt{13}", r"3\sqrt[3]{13}", False),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", True),
        (r"\cos36^\circ", r"\frac{1+\sqrt5}{4}", True),
        (r"(\log_2 3)^2", r"\log_2 3\cdot\log_4 9", True),
        (r"\cot x", r"\frac{\cos x}{\sin x}", True),
        (r"\tan^2 y+1", r"\sec^2 y", True),
        ("1-1/e", "1+1/e", False),
        ("720", "6!", True),
        (r"\binom52", "10", True),
        (r"\frac{n!}{(n-2)!}", "n(n-1)", True),
        (r"\sum_{k=1}^{10}k", "55", True),
        (r"\lim_{x\to3^+}a", "a", True),
        (r"\lim_{x\to3^+}f", r"\lim_{x\to3^-}fx", False),
        (r"\binom{10}{4}", r"{}_{10}C_4", True),
    ],
    "Equations": [
        ("5x-7y=4", "-10x+14y+8=0", True),
        ("y=2x+3", "2x-y+3=0", True),
        ("y=2x+3", "x=2y+3", False),
        ("5x-7y+4=0", "5x-7y+4", False),
        (r"\cos(x)=\frac{42}{59}", r"\sin(x)=\frac{42}{59}", False),
        ("xy=1", r"y=\frac1x", True),
        ("y=1", "xy=x", False),
        ("5", r"2x=10\Rightarrow x=5", True),
    ],
    "Texts and choices": [
        (r"\text{ellipse}", "an ellipse", True),
        (r"\text{Evelyn}", "evelyn", True),
        (r"\text{Evelyn}", r"\text{Evelyn and Carla}", False),
        ("odd", r"\text{oddd}", False),
        (r"\text{(C)}", "C", True),
        (r"\text{(C)}", "Choice C", True),
        (r"\text{(C)}", "(C) 12", True),
        (r"\text{(C)}", "(B)", False),
        ("12", "(C) 12", True),
        ("12", "(C)", False),
        (r"\text{(B)}", "(A) B", False),
        (r"\text{A, C, D}", "C, A, D", True),
        (r"\text{A, C, D}", "C, D", False),
        ("IV", "VI", False),
    ],
    "Whole outputs": [
        ("42", r"\boxed{10} and then \boxed{42}", True),
        ("4", "<think>5?</think> The answer is $4$.", True),
        ("42", "First compute 6*7.\n42", True),
        ("42", "The perimeter is 7", False),
        ("7", "Hillary has 7 nickels.", True),
        ("7", "Hillary has more than 7 nickels.", False),
        ("18", '{"reasoning": "9 * $2 = $18", "answer": "18"}', True),
    ],
}

_HEAD = """# Answers: what counts as the same

`cope.answers` reads the answers of models. This page shows its decisions; it is written by
`python -m tests_py.answers.policy` from the cases that the tests hold.

Two relations, since leniency is not transitive (198% is taken for 198, and is 1.98):

- **Votes** use keys: a strict equivalence. Equal keys, one class; `answers.vote_key`, `answers.tally`.
- **Grading** accepts equal keys, and what the gold answer leaves open; `answers.grade`. Equal keys always grade as correct.

A verdict is reached by the cheapest of: the same text; exact rational numbers; values (to more than 190 bits, at fixed random
points where there are variables); the structure of lists, sets, intervals, matrices and equations; words; a leniency. An answer beyond the
limits of size (a tower of powers, a megabyte of digits) is compared as text, and its verdict says `unevaluated`.

Conventions: `log` without a base is natural, and decimal where only that agrees; the real root is meant where the degree is odd; letters of functions stand for
positive numbers, so that the square root of x squared is x, but what changes its sign among them does not: the square root of (x - 3) squared is |x - 3|;
|x| is no x, as an absolute value is written of what may be negative; a name `x` in front of a number, a set or an interval may be left out in votes, too.
Of f, g and h brackets hold arguments (f(2) is no 2f), but for a height times a sum, h(a+b); of all other letters they are factors. Variables below the
line of an equation are multiplied out (xy = 1 and y = 1/x are one class); denominators that are sums are not. A letter behind a number may be a unit where
the gold answer has one or has no variables. Items of a list count as often as the gold answer repeats them. What is said to be about a value must be
within a tenth of it.
"""


class Disagreement(NamedTuple):
    """A test of another grader whose verdict is another here. Without texts (they are of MATH): the ids alone tell which rows."""

    ids: tuple[str, ...]  # of the rows in shared/data/equivalence
    grader: str
    gold: str
    prediction: str
    theirs: bool
    right: str  # whose verdict is right
    reason: str


_TOLERANCE = "a tolerance accepts what is wrong (0.00199 for 2/1005); seven digits, correctly rounded, are the value"
_EACH = "the same, in one part of several"
DISAGREEMENTS = [
    Disagreement(
        ("hendrycks_tests-0001",),
        "Hendrycks",
        "4, 10, -2",
        "10, 4, -2",
        False,
        "here",
        "solutions have no order; it compares strings",
    ),
    Disagreement(
        ("hendrycks_tests-0008",),
        "Hendrycks",
        "4, .1, 2",
        "0.1, 4, 2",
        False,
        "here",
        "solutions have no order; it compares strings",
    ),
    Disagreement(("mario_tests-0001",), "MARIO", "x + 1.414I", r"x + \sqrt2I", True, "here", _TOLERANCE),
    Disagreement(("mario_tests-0010",), "MARIO", "1/3, 1.732, 3.1416", r"\frac13, \sqrt3, \pi", True, "here", _EACH),
    Disagreement(("mario_tests-0011",), "MARIO", "125.663", r"40\pi", True, "here", _TOLERANCE),
    Disagreement(("mario_tests-0032",), "MARIO", "10", "10cm", False, "here", "a unit is a unit without a blank, too"),
    Disagreement(("mario_tests-0033",), "MARIO", "10", "10m", False, "here", "a letter behind a number may be a unit"),
    Disagreement(
        ("mario_tests-0049",),
        "MARIO",
        r"\begin{cases} a+b=0.5\\ a-b=1.732\end{cases}",
        r"\begin{cases} a+b=\frac12 \\ a-b=\sqrt3 \end{cases}",
        True,
        "here",
        _EACH,
    ),
    Disagreement(
        ("mario_tests-0060",),
        "MARIO",
        "[[1.0, 1/2],[0.3333, 2.0]]",
        r"\begin{pmatrix} 1 & \frac12 \\ 1/3 & \sqrt4 \end{pmatrix}",
        True,
        "here",
        _EACH,
    ),
    Disagreement(
        ("mario_tests-0062",),
        "MARIO",
        "1,234",
        "(1,234)",
        True,
        "open",
        "in brackets a comma separates two items here; the writer may have meant a number",
    ),
    Disagreement(("qwen_tora_cases-0008",), "Qwen2.5-Math, ToRA", "33.3", r"\frac{100}{3}", True, "here", _TOLERANCE),
    Disagreement(
        ("qwen_tora_cases-0009",),
        "Qwen2.5-Math, ToRA",
        r"(\begin{pmatrix}0.29\\0.196\\-0.186\\\end{pmatrix})",
        r"\begin{pmatrix}0.290243531202435\\0.196008371385084\\-0.186381278538813\end{pmatrix}",
        True,
        "here",
        _EACH,
    ),
    Disagreement(
        ("qwen_tora_cases-0015",),
        "Qwen2.5-Math, ToRA",
        r"(\frac{3}{5},\frac{8}{3}]",
        "(0.6,2.6667]",
        True,
        "here",
        _EACH,
    ),
    Disagreement(
        ("simple_evals_equality_prompt-0004",),
        "simple-evals (prompt)",
        "3245/5",
        "649",
        False,
        "here",
        "the values are equal; it wants no simplification",
    ),
    Disagreement(
        tuple(f"qwenrm-003-{k}" for k in range(8)),
        "Qwen2.5-Math",
        "",
        "",
        False,
        "here",
        r"eight outputs give the gold's time of day with `p.m.` in another `\text`; it compares strings",
    ),
]

_TAIL = """## Where the tests of other graders disagree

Held against the labelled rows of other graders' own tests, every row whose verdict is another here (`tests_py/answers/test_policy.py` finds them where the data
is at hand, and fails where this table is stale). All other rows of Hendrycks, inspect, latex2sympy2, MARIO, NeMo-Skills, Qwen2.5-Math/ToRA, rLLM and
simple-evals agree.

| grader, row | gold | prediction | its verdict | here | who is right, and why |
|---|---|---|---|---|---|
"""


def document() -> str:
    """The page, from the cases and the verdicts."""
    parts = [_HEAD, "\n"]
    for section, cases in CASES.items():
        parts.append(f"## {section}\n\n| gold | prediction | correct | decided by | why |\n|---|---|---|---|---|\n")
        for gold, prediction, _ in cases:
            verdict = answers.grade(gold, prediction)
            why = verdict.why.split("; gold: ")[0]
            cells = [_code(gold), _code(prediction), "yes" if verdict else "no", verdict.tier, why.replace("|", "\\|")]
            parts.append("| " + " | ".join(cells) + " |\n")
        parts.append("\n")
    parts.append(_TAIL)
    for each in DISAGREEMENTS:
        row = each.ids[0] if len(each.ids) == 1 else f"{each.ids[0]} to {each.ids[-1]}"
        verdicts = ["right" if each.theirs else "wrong", "wrong" if each.theirs else "right"]
        texts = [_code(text) if text else "(not shown)" for text in (each.gold, each.prediction)]
        parts.append(
            "| " + " | ".join([f"{each.grader}, {row}", *texts, *verdicts, f"{each.right}: {each.reason}"]) + " |\n"
        )
    return "".join(parts)


def _code(text: str) -> str:
    return "`` " + text.replace("|", "\\|").replace("\n", "⏎") + " ``"


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
