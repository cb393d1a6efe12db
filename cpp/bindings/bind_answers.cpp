#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings.h"
#include "cope/answer/math.h"

namespace py = pybind11;

namespace cope::python {

void bind_answers(py::module_& module) {
  // The views are taken from Python strings that the caller holds, so the GIL may go while they are read.
  using Release = py::call_guard<py::gil_scoped_release>;
  module.def("extract_math", &extract_math, py::arg("text"), Release());
  module.def("canonical_math", &canonical_math, py::arg("answer"), Release());
  module.def("grade_math", &equivalent_math, py::arg("gold"), py::arg("answer"), Release());
}

}  // namespace cope::python
