#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.h"
#include "cope/answer/kinds.h"
#include "cope/answer/program.h"
#include "cope/base/parallel.h"

namespace py = pybind11;

namespace cope::python {

namespace {

using answer::Kind;

constexpr std::size_t chunk = 16;  // texts that a thread takes at a time

// Views of Python strings that the caller holds, and copies of those that have no UTF-8 form (lone surrogates).
class Texts {
 public:
  std::string_view view(py::handle text, const std::string& where) {
    if (!PyUnicode_Check(text.ptr()))
      throw py::type_error(where + ": expected str, got " + Py_TYPE(text.ptr())->tp_name);
    Py_ssize_t size = 0;
    if (const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) return {data, static_cast<std::size_t>(size)};
    PyErr_Clear();
    const auto bytes =
        py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
    if (!bytes) throw py::error_already_set();
    return copies_.emplace_back(py::cast<std::string>(bytes));
  }

 private:
  std::list<std::string> copies_;  // addresses stay
};

Kind kind_of(py::handle kind) {
  Texts texts;
  const std::string_view name = texts.view(kind, "kind");
  if (const auto known = answer::kind_named(name)) return *known;
  throw py::value_error("kind: expected math, integer, number, choice, date, text, output or auto, got '" +
                        std::string(name) + "'");
}

py::object text_or_none(const std::optional<std::string>& text) {
  if (!text) return py::none();
  PyObject* decoded = PyUnicode_DecodeUTF8(text->data(), static_cast<Py_ssize_t>(text->size()), "surrogatepass");
  if (decoded == nullptr) {  // cut within a character
    PyErr_Clear();
    decoded = PyUnicode_DecodeUTF8(text->data(), static_cast<Py_ssize_t>(text->size()), "replace");
  }
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(decoded);
}

py::tuple verdict_of(const answer::Verdict& verdict) {
  return py::make_tuple(verdict.correct, text_or_none(std::string(answer::tier_name(verdict.tier))),
                        text_or_none(verdict.why));
}

// The texts of a list, none where an item is None.
std::vector<std::optional<std::string_view>> views(const py::sequence& items, const char* name, Texts& texts) {
  std::vector<std::optional<std::string_view>> found;
  found.reserve(py::len(items));
  std::size_t position = 0;
  for (const py::handle item : items) {
    if (item.is_none())
      found.emplace_back(std::nullopt);
    else
      found.emplace_back(texts.view(item, std::string(name) + "[" + std::to_string(position) + "]"));
    ++position;
  }
  return found;
}

py::object extract_one(py::handle text, py::handle kind) {
  Texts texts;
  const auto view = texts.view(text, "text");
  const Kind of = kind_of(kind);
  std::optional<std::string> found;
  {
    const py::gil_scoped_release release;  // a text may be long
    found = answer::extract(view, of);
  }
  return text_or_none(found);
}

py::tuple grade_one(py::handle gold, py::handle prediction, py::handle kind) {
  Texts texts;
  const auto left = texts.view(gold, "gold");
  const auto right = texts.view(prediction, "prediction");
  return verdict_of(answer::grade(left, right, kind_of(kind)));
}

py::object vote_key_one(py::handle text, py::handle kind) {
  Texts texts;
  return text_or_none(answer::vote_key(texts.view(text, "answer"), kind_of(kind)));
}

// text -> text of each item, on all cores.
template <typename Function>
py::list each(const py::sequence& items, const char* name, py::handle kind, const Function& function) {
  Texts texts;
  const auto given = views(items, name, texts);
  const Kind of = kind_of(kind);
  std::vector<std::optional<std::string>> found(given.size());
  {
    const py::gil_scoped_release release;  // the views are of strings that `items` holds
    parallel_for(given.size(), {.chunk = chunk}, [&](std::size_t i) {
      if (given[i]) found[i] = function(*given[i], of);
    });
  }
  py::list result;
  for (const auto& each : found) result.append(text_or_none(each));
  return result;
}

py::list grade_all(const py::sequence& golds, const py::sequence& predictions, py::handle kind) {
  Texts texts;
  const auto left = views(golds, "golds", texts);
  const auto right = views(predictions, "predictions", texts);
  if (left.size() != right.size())
    throw py::value_error("golds and predictions: expected equal lengths, got " + std::to_string(left.size()) +
                          " and " + std::to_string(right.size()));
  const Kind of = kind_of(kind);
  std::vector<answer::Verdict> found(left.size());
  {
    const py::gil_scoped_release release;  // the views are of strings that the lists hold
    parallel_for(left.size(), {.chunk = chunk},
                 [&](std::size_t i) { found[i] = answer::grade(left[i].value_or(""), right[i].value_or(""), of); });
  }
  py::list result;
  for (const auto& verdict : found) result.append(verdict_of(verdict));
  return result;
}

}  // namespace

void bind_answers(py::module_& module) {
  module.def("extract", &extract_one, py::arg("text"), py::arg("kind"));
  module.def("grade", &grade_one, py::arg("gold"), py::arg("prediction"), py::arg("kind"));
  module.def("vote_key", &vote_key_one, py::arg("answer"), py::arg("kind"));
  module.def(
      "extract_program",
      [](const py::str& text, std::string_view entry_point, std::string_view beginning) -> std::optional<py::str> {
        // What models write need not be Unicode: half of a surrogate pair, say.
        const auto utf8 =
            py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
        if (!utf8) throw py::error_already_set();
        const auto found = answer::extract_program(std::string_view(utf8), {entry_point, beginning});
        if (!found) return std::nullopt;
        return py::reinterpret_steal<py::str>(
            PyUnicode_DecodeUTF8(found->data(), static_cast<Py_ssize_t>(found->size()), "surrogatepass"));
      },
      py::arg("text"), py::arg("entry_point"), py::arg("beginning"));
  module.def(
      "extract_all",
      [](const py::sequence& texts, py::handle kind) { return each(texts, "texts", kind, &answer::extract); },
      py::arg("texts"), py::arg("kind"));
  module.def(
      "vote_keys",
      [](const py::sequence& answers, py::handle kind) { return each(answers, "answers", kind, &answer::vote_key); },
      py::arg("answers"), py::arg("kind"));
  module.def("grade_all", &grade_all, py::arg("golds"), py::arg("predictions"), py::arg("kind"));
}

}  // namespace cope::python
