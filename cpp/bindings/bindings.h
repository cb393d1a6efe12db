// The extension cope._core, an area a file. Arguments are converted before the GIL is released; long calls wait in wait_for() (wait.h).
#pragma once

#include <pybind11/pybind11.h>

namespace cope::python {

void bind_errors(pybind11::module_& module);
void bind_answers(pybind11::module_& module);
void bind_cascade(pybind11::module_& module);
void bind_store(pybind11::module_& module);
void bind_run(pybind11::module_& module);
void bind_sandbox(pybind11::module_& module);
void bind_sweep(pybind11::module_& module);

}  // namespace cope::python
