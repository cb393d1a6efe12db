#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "bindings.h"
#include "cope/base/error.h"
#include "cope/cascade/decide.h"
#include "cope/run/spec.h"

namespace py = pybind11;

namespace cope::python {

namespace {

using Classes = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

// One row of recorded classes into a trace whose memory is used again.
void fill(const Cascade& cascade, const std::int32_t* row, Trace& trace) {
  for (std::size_t d = 0; d < cascade.draws.size(); ++d) {
    auto& evidence = trace.draws[d];
    evidence.resize(static_cast<std::size_t>(cascade.draws[d].n));
    for (Evidence& sample : evidence) {
      const std::int32_t label = *row++;
      sample.scored = label >= 0;
      sample.key.low = static_cast<std::uint64_t>(label);
    }
  }
}

py::array_t<std::int32_t> replay_keys(const std::string& cascade_json, const Classes& classes) {
  const Cascade cascade = parse_cascade(cascade_json);
  py::ssize_t width = 0;
  for (const Draw& draw : cascade.draws) width += draw.n;
  for (const Stage& stage : cascade.stages) {
    const Gate::Measure measure = stage.gate.measure;
    if (measure != Gate::Measure::always && measure != Gate::Measure::consensus &&
        measure != Gate::Measure::agreement) {
      throw ConfigError("stage '" + stage.name + "': only gates on votes can be replayed from classes");
    }
  }
  if (classes.ndim() != 2 || classes.shape(1) != width) {
    throw ConfigError("classes must have the shape (problems, " + std::to_string(width) +
                      "): all samples of all draws, got " + std::to_string(classes.ndim()) + " dimensions" +
                      (classes.ndim() == 2 ? " and " + std::to_string(classes.shape(1)) + " columns" : ""));
  }
  const py::ssize_t problems = classes.shape(0);
  py::array_t<std::int32_t> result({problems, py::ssize_t{2}});
  const std::int32_t* row = classes.data();
  std::int32_t* out = result.mutable_data();
  {
    const py::gil_scoped_release release;  // plain arrays from here on
    Trace trace = Trace::empty(cascade);
    Decision decision;
    for (py::ssize_t p = 0; p < problems; ++p, row += width, out += 2) {
      fill(cascade, row, trace);
      decide(cascade, trace, decision);
      const bool answered = decision.action == Action::accept;
      out[0] = decision.stage;
      out[1] = answered ? static_cast<std::int32_t>(trace
                                                        .draws[static_cast<std::size_t>(decision.answer_draw)]
                                                              [static_cast<std::size_t>(decision.answer_sample)]
                                                        .key.low)
                        : -1;
    }
  }
  return result;
}

}  // namespace

void bind_cascade(py::module_& module) {
  module.def("replay_keys", &replay_keys, py::arg("cascade"), py::arg("classes"));
}

}  // namespace cope::python
