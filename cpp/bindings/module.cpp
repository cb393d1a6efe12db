#include <pybind11/pybind11.h>

#include "bindings.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The native core of COPE: engine, sampler, store, decisions. Internal; the public API is `cope`.";
  module.attr("version") = COPE_VERSION;
  cope::python::bind_errors(module);
  cope::python::bind_answers(module);
  cope::python::bind_cascade(module);
  cope::python::bind_store(module);
  cope::python::bind_run(module);
  cope::python::bind_sandbox(module);
  cope::python::bind_sweep(module);
}
