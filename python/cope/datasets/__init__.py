"""Problem sets made for the embedded pair of models.

Both functions draw from the test split of a small made-up world that the pair was trained on (other problems of it). The pair is a
miniature that makes the machinery run live, anywhere, in seconds: what it shows is no evidence for any claim about large language models.

Example:
    >>> problems = word_problems(100, seed=0)
    >>> problems[0].id
    'word-0-000000'
"""

from ._functions import tiny_functions
from ._word_problems import word_problems

__all__ = ["tiny_functions", "word_problems"]
