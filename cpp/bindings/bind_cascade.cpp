#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>
#include <thread>

#include "bindings.h"
#include "cope/cascade/replay.h"
#include "cope/run/spec.h"

namespace py = pybind11;

namespace cope::python {

namespace {

Decisions replay_keys(const std::string& cascade_json, const Eigen::Ref<const Classes>& classes) {
  const py::gil_scoped_release release;  // plain matrices, on all cores
  const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return replay_classes(parse_cascade(cascade_json), classes, threads);
}

}  // namespace

void bind_cascade(py::module_& module) {
  module.def("replay_keys", &replay_keys, py::arg("cascade"), py::arg("classes"));
}

}  // namespace cope::python
