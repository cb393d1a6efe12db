#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bindings.h"
#include "cope/base/error.h"
#include "cope/cascade/replay.h"
#include "cope/run/spec.h"

namespace py = pybind11;

namespace cope::python {

namespace {

using Classes = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

py::array_t<std::int32_t> replay_keys(const std::string& cascade_json, const Classes& classes) {
  const Cascade cascade = parse_cascade(cascade_json);
  const auto width = static_cast<py::ssize_t>(recorded_width(cascade));
  if (classes.ndim() != 2 || classes.shape(1) != width) {
    throw ConfigError("classes must have the shape (problems, " + std::to_string(width) +
                      "): all samples of all draws, got " + std::to_string(classes.ndim()) + " dimensions" +
                      (classes.ndim() == 2 ? " and " + std::to_string(classes.shape(1)) + " columns" : ""));
  }
  const std::span<const std::int32_t> values(classes.data(), static_cast<std::size_t>(classes.size()));
  std::vector<ReplayedDecision> decisions;
  {
    const py::gil_scoped_release release;  // plain arrays, on all cores
    decisions = replay_classes(cascade, values, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  }
  py::array_t<std::int32_t> result({classes.shape(0), py::ssize_t{2}});
  std::int32_t* out = result.mutable_data();
  for (const ReplayedDecision& decision : decisions) {
    *out++ = decision.stage;
    *out++ = decision.answer_class;
  }
  return result;
}

}  // namespace

void bind_cascade(py::module_& module) {
  module.def("replay_keys", &replay_keys, py::arg("cascade"), py::arg("classes"));
}

}  // namespace cope::python
