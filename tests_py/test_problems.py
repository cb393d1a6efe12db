from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cope
from cope import Problem, load, stream

ROWS = [{"question": "2 + 3?", "answer": "5", "level": 1}, {"question": "Ünï 好?", "answer": None, "level": 2}]
EXPECTED = [Problem("0", "2 + 3?", "5", {"level": 1}), Problem("1", "Ünï 好?", None, {"level": 2})]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def jsonl(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# --- sources ------------------------------------------------------------------------------------------------------


def test_every_source_gives_the_same_problems(tmp_path: Path) -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    write(tmp_path / "a.jsonl", jsonl(ROWS))
    write(tmp_path / "b.json", json.dumps(ROWS))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(jsonl(ROWS).encode()))
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    for source in [*sorted(tmp_path.iterdir()), ROWS, iter(ROWS), pandas.DataFrame(ROWS, dtype=object)]:
        assert load(source) == EXPECTED, source


def test_csv_cells_are_text_and_empty_ones_are_missing(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", '\ufeffid,question,answer\r\nx,"one,\r\ntwo",7\r\n\r\ny,three,\r\n')
    assert load(file) == [Problem("x", "one,\r\ntwo", "7"), Problem("y", "three", None)]


def test_a_hugging_face_dataset_is_an_iterable_of_rows() -> None:
    class Split:  # the part of datasets.Dataset that is used
        features = column_names = ("question", "answer")

        def __iter__(self) -> Iterator[dict[str, str]]:
            yield {"question": "2 + 3?", "answer": "5"}

    assert load(Split()) == [Problem("0", "2 + 3?", "5")]
    with pytest.raises(cope.DataError, match=r"dataset\['test'\]"):
        load({"test": Split()})


def test_columns_are_mapped_and_the_rest_is_meta() -> None:
    rows = [{"problem": "Q", "solution": "S", "gold": 5, "unique_id": "a/1", "level": 3}]
    columns = {"question": "problem", "answer": "gold", "id": "unique_id"}
    assert load(rows, columns=columns) == [Problem("a/1", "Q", "5", {"solution": "S", "level": 3})]
    assert load(rows, columns={"question": "problem", "answer": None})[0].answer is None


def test_gsm8k_answers_are_cut_to_what_follows_the_mark() -> None:
    rows = [{"question": "Q", "answer": "2 + 3 = 5\n#### 5"}]
    assert load(rows, task="math")[0].answer == "5"
    assert load(rows, task="text")[0].answer == rows[0]["answer"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (5.0, "5"), (0.5, "0.5"), (numpy.int64(7), "7"), (numpy.float64(2.5), "2.5"), ("x", "x")],
)
def test_numbers_as_answers_become_text(value: Any, text: str) -> None:
    assert load([{"question": "Q", "answer": value}])[0].answer == text


def test_meta_of_any_kind_becomes_json() -> None:
    meta = {"array": numpy.arange(3), "nan": math.nan, "path": Path("x"), "flag": numpy.bool_(True), "bad": "\ud800"}
    assert json.loads(Problem("p", "Q", None, meta).to_row()[3]) == {
        "array": [0, 1, 2], "nan": None, "path": "x", "flag": True, "bad": "\\ud800",
    }  # fmt: skip


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1))
def test_any_text_survives_a_jsonl_file(tmp_path_factory: pytest.TempPathFactory, questions: list[str]) -> None:
    file = write(tmp_path_factory.mktemp("texts") / "a.jsonl", jsonl([{"question": text} for text in questions]))
    assert [problem.question for problem in load(file)] == questions


# --- what is wrong, and where -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jsonl", '{"question": "Q"}\n{"question": }\n', r"a\.jsonl, line 2, column 14: malformed JSON"),
        ("a.jsonl", '{"question": "Q"}\n{"question": "cut', r"a\.jsonl, line 2, column 14: malformed JSON"),
        ("a.jsonl", '{"question": "Q"}\n[1]\n', r"a\.jsonl, line 2: expected an object"),
        ("a.jsonl", b'{"question": "Q"}\n{"question": "\xff"}\n', r"a\.jsonl, line 2, byte 15: is not UTF-8"),
        ("a.jsonl", '{"question": "Q", "answer": NaN}\n', r"a\.jsonl, line 1: NaN is no JSON; write null"),
        ("a.jsonl", '{"question": "\\ud800"}\n', r"a\.jsonl, line 1: question: character 1 is a lone surrogate"),
        ("a.jsonl", '{"problem": "Q", "answer": 5}\n', r"line 1: no field 'question'; there are 'problem', 'answer'; pass columns=\{.question.: .problem.\}"),
        ("a.jsonl", '{"question": "Q", "gold": 5}\n', r"line 1: no field 'answer'.*columns=\{.answer.: .gold.\}.*columns=\{.answer.: None\}"),
        ("a.jsonl", '{"question": "Q", "answer": 5}\n\n{"question": "R"}\n', r"line 3: field 'answer' is missing.*write null"),
        ("a.jsonl", '{"question": "Q", "id": 1}\n{"question": "R", "id": "1"}\n', r"line 2: the id '1' was already used in .*line 1"),
        ("a.jsonl", '{"question": "  "}\n', "line 1: question: is empty"),
        ("a.jsonl", '{"question": 5}\n', "line 1: question: expected text, got 5"),
        ("a.jsonl", '{"question": "Q", "answer": [5]}\n', r"line 1: answer: expected text or a number, got \[5\]"),
        ("a.jsonl", '{"question": "Q", "answer": true}\n', "line 1: answer: expected text or a number, got True"),
        ("a.jsonl", '{"question": "Q", "id": 1.5}\n', "line 1: id: expected text or a whole number"),
        ("a.jsonl", "[" * 100_000 + "\n", "line 1: nested too deeply"),
        ("a.jsonl", "\n\n", "holds no problems"),
        ("a.json", '{"question": "Q"}', "expected a list of objects"),
        ("a.json", '[{"question": "Q"},\n {"question" "R"}]', "line 2, column 14: malformed JSON"),
        ("a.json", "[]", "holds no problems"),
        ("a.csv", "question,answer\nQ,1\nR,2,3\n", "line 3: has 3 cells where the header has 2"),
        ("a.csv", "question,question\nQ,1\n", "two columns have one name"),
        ("a.csv", 'question\n"open', "malformed CSV"),
        ("a.csv", b"question\n\xff\n", "is not UTF-8"),
        ("a.csv", "question,answer\n,1\n", "line 2: question: expected text, got None"),
        ("a.csv", "question,answer\n", "holds no problems"),
        ("a.csv", "", "holds no problems"),
        ("a.txt", "Q", r"cannot tell what kind of file .*'\.txt'; expected one of \.jsonl"),
        ("a", "Q", "its missing extension"),
        ("a.parquet", "no parquet", "no Parquet file"),
        ("a.jsonl.gz", "no gzip", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_what_and_where(
    tmp_path: Path, name: str, content: str | bytes, why: str
) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(cope.DataError, match=why):
        load(write(tmp_path / name, content))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ([], "the problem set is empty"),
        ([{"question": math.nan}], "row 0: question: is NaN"),
        ([{"question": "Q", "answer": math.nan}], "row 0: answer: is NaN .a missing value.; put None"),
        ([{"question": "Q", "answer": math.inf}], "row 0: answer: is infinite"),
        ([{"question": "Q", "id": "x"}, {"question": "R", "id": "x"}], "row 1: the id 'x' was already used in row 0"),
        ([Problem("x", "Q"), Problem("x", "R")], "problem 1: the id 'x' was already used in problem 0"),
        ([Problem("x", "Q"), {"question": "R"}], "problem 1: expected a cope.Problem like the first, got dict"),
        ([{"question": "Q"}, 5], "row 1: expected a mapping"),
        (["Q"], "row 0: expected a mapping of fields or a cope.Problem, got str"),
        (5, "expected a path"),
        (b"problems.jsonl", "expected a path"),
        ({"question": "Q"}, "put it into a list"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_and_where(source: Any, why: str) -> None:
    with pytest.raises(cope.DataError, match=why):
        load(source)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(cope.DataError, match=r"none\.jsonl: no such file"):
        load(tmp_path / "none.jsonl")
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(cope.DataError, match="is a folder"):
        load(tmp_path / "d.jsonl")


@pytest.mark.parametrize("columns", [{"questoin": "problem"}, {"Question": "problem"}])
def test_an_unknown_key_of_the_column_map_is_refused(columns: dict[str, str]) -> None:
    with pytest.raises(cope.ConfigError, match="expected keys among id, question, answer"):
        load([{"problem": "Q"}], columns=columns)


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(cope.DataError, match="no field 'uid'; there are 'question'"):
        load([{"question": "Q"}], columns={"id": "uid"})


@pytest.mark.parametrize(
    "arguments", [("", "Q"), ("p", ""), (5, "Q"), ("p", None), ("p", "Q", 5), ("p", "Q", None, 5), ("p", "\udc80")]
)
def test_a_problem_that_cannot_be_asked_cannot_be_made(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(cope.DataError):
        Problem(*arguments)


# --- streams ------------------------------------------------------------------------------------------------------


def test_a_stream_reads_as_it_goes_and_may_be_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", jsonl(ROWS) + "{broken\n")
    problems = stream(file)
    for _ in range(2):
        rows = iter(problems)
        assert [next(rows), next(rows)] == EXPECTED
        with pytest.raises(cope.DataError, match=r"line 3, column 2: malformed JSON"):
            next(rows)


def test_a_stream_whose_first_row_does_not_fit_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(cope.DataError, match="no field 'question'"):
        stream(write(tmp_path / "a.jsonl", '{"problem": "Q"}\n'))
    with pytest.raises(cope.DataError, match="no such file"):
        stream(tmp_path / "b.jsonl")
    with pytest.raises(cope.DataError, match=r"\.jsonl\) to stream it"):
        stream(write(tmp_path / "c.json", "[]"))


def test_the_hash_of_a_stream_follows_its_bytes_and_its_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", jsonl(ROWS))
    first, mapped = stream(file).sha256(), stream(file, columns={"id": "level"}).sha256()
    write(file, jsonl(ROWS[:1]))
    assert len({first, mapped, stream(file).sha256()}) == 3
