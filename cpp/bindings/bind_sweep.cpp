#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "cope/base/error.h"
#include "cope/sweep/sweep.h"
#include "wait.h"

namespace py = pybind11;

namespace cope::python {

namespace {

std::string type_name(const py::handle& value) { return py::str(py::type::of(value).attr("__name__")); }

std::string shape_text(const std::vector<py::ssize_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

// Reads the arrays that Python hands over, and keeps them alive; spans are of their memory.
class Arrays {
 public:
  // An array of the dtype and number of dimensions, C-contiguous.
  template <typename T>
  std::pair<std::span<const T>, std::vector<py::ssize_t>> read(const py::handle& value, const std::string& name,
                                                               int ndim) {
    if (!py::isinstance<py::array>(value)) {
      throw ConfigError(name + ": expected a NumPy array, got " + type_name(value));
    }
    const auto array = py::reinterpret_borrow<py::array>(value);
    const py::dtype wanted = py::dtype::of<T>();
    if (!array.dtype().is(wanted) && !array.dtype().equal(wanted)) {
      throw ConfigError(name + ": expected dtype " + std::string(py::str(wanted)) + ", got " +
                        std::string(py::str(array.dtype())));
    }
    std::vector<py::ssize_t> shape(array.shape(), array.shape() + array.ndim());
    if (array.ndim() != ndim) {
      throw ConfigError(name + ": expected " + std::to_string(ndim) + " dimensions, got the shape " +
                        shape_text(shape));
    }
    if ((array.flags() & py::array::c_style) == 0) {
      throw ConfigError(name + ": expected a C-contiguous array; pass numpy.ascontiguousarray(...)");
    }
    if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0) {
      throw ConfigError(name + ": its memory is not aligned to its dtype; pass a copy, array.copy()");
    }
    kept_.push_back(array);
    return {std::span<const T>(static_cast<const T*>(array.data()), static_cast<std::size_t>(array.size())), shape};
  }
  template <typename T>
  std::span<const T> of_shape(const py::handle& value, const std::string& name,
                              const std::vector<py::ssize_t>& wanted) {
    auto [span, shape] = read<T>(value, name, static_cast<int>(wanted.size()));
    if (shape != wanted)
      throw ConfigError(name + ": expected the shape " + shape_text(wanted) + ", got " + shape_text(shape));
    return span;
  }

 private:
  std::vector<py::array> kept_;
};

// A dict of which every key is known: a misspelt one would be a default, and a wrong number.
template <std::size_t N>
py::dict checked_dict(const py::handle& value, const std::string& name, const char* const (&keys)[N],
                      std::size_t required) {
  if (!py::isinstance<py::dict>(value)) throw ConfigError(name + ": expected a dict, got " + type_name(value));
  const auto dict = py::reinterpret_borrow<py::dict>(value);
  for (const auto& item : dict) {
    const std::string key = py::str(item.first);
    if (py::isinstance<py::str>(item.first) && std::ranges::find(keys, key) != std::end(keys)) continue;
    std::string message = name;
    message.append(": unknown key '").append(key).append("'; there are ").append(keys[0]);
    for (const char* each : std::span(keys).subspan(1)) message.append(", ").append(each);
    throw ConfigError(message);
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!dict.contains(keys[i])) throw ConfigError(name + "[\"" + keys[i] + "\"]: missing");
  }
  return dict;
}

template <typename T, std::size_t N>
T choice(const py::dict& from, const char* key, const std::string& name, const std::pair<const char*, T> (&of)[N],
         T otherwise) {
  if (!from.contains(key)) return otherwise;
  const py::object value = from[key];
  std::string known;
  for (const auto& [text, found] : of) {
    if (py::isinstance<py::str>(value) && value.cast<std::string>() == text) return found;
    known += (known.empty() ? "'" : ", '") + std::string(text) + "'";
  }
  throw ConfigError(name + "[\"" + key + "\"]: expected one of " + known + ", got " + std::string(py::repr(value)));
}

constexpr std::pair<const char*, Gate::Measure> measures[] = {
    {"always", Gate::Measure::always},         {"consensus", Gate::Measure::consensus},
    {"agreement", Gate::Measure::agreement},   {"passed", Gate::Measure::passed},
    {"perplexity", Gate::Measure::perplexity}, {"score", Gate::Measure::score},
    {"custom", Gate::Measure::custom}};
constexpr std::pair<const char*, Gate::Comparison> comparisons[] = {{">", Gate::Comparison::greater},
                                                                    {">=", Gate::Comparison::greater_equal},
                                                                    {"<", Gate::Comparison::less},
                                                                    {"<=", Gate::Comparison::less_equal}};
constexpr std::pair<const char*, Gate::Denominator> denominators[] = {{"k", Gate::Denominator::k},
                                                                      {"answered", Gate::Denominator::answered}};

// Those that are required first.
constexpr const char* gate_keys[] = {"measure", "comparison", "denominator", "thresholds"};
constexpr const char* stage_keys[] = {"gate",      "classes",   "correct", "measure", "other",  "custom",
                                      "cost_pusd", "once_pusd", "variant", "uses_k",  "carries"};

void read_gate(const py::handle& given, const std::string& name, Arrays& arrays, sweep::StageRecord& stage) {
  const py::dict gate = checked_dict(given, name, gate_keys, 1);
  stage.gate.measure = choice(gate, "measure", name, measures, Gate::Measure::always);
  stage.gate.comparison = choice(gate, "comparison", name, comparisons, Gate::Comparison::greater);
  stage.gate.denominator = choice(gate, "denominator", name, denominators, Gate::Denominator::k);
  if (!gate.contains("thresholds")) return;
  const std::string of = name + "[\"thresholds\"]";
  const auto [values, shape] = arrays.read<std::int64_t>(gate["thresholds"], of, 2);
  if (shape[1] != 2)
    throw ConfigError(of + ": expected the shape (thresholds, 2), numerators and denominators, got " +
                      shape_text(shape));
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) stage.thresholds.push_back(Rational{values[i], values[i + 1]});
}

sweep::StageRecord read_stage(const py::handle& given, std::size_t index, std::size_t ks, Arrays& arrays,
                              std::optional<py::ssize_t>& problems) {
  const std::string stage_name = "stages[" + std::to_string(index) + "]";
  const auto name = [&](const char* key) { return stage_name + "[\"" + key + "\"]"; };
  const py::dict from = checked_dict(given, stage_name, stage_keys, 3);
  sweep::StageRecord stage;
  read_gate(from["gate"], name("gate"), arrays, stage);
  const auto [classes, shape] = arrays.read<std::int32_t>(from["classes"], name("classes"), 3);
  if (!problems) problems = shape[0];
  if (shape[0] != *problems) {
    throw ConfigError(name("classes") + ": expected " + std::to_string(*problems) +
                      " problems as in the first stage, got " + std::to_string(shape[0]));
  }
  if (shape[1] < 1)
    throw ConfigError(name("classes") + ": expected at least one variant, got the shape " + shape_text(shape));
  stage.classes = classes;
  stage.variants = static_cast<int>(shape[1]);
  stage.samples = static_cast<int>(shape[2]);
  stage.correct = arrays.of_shape<std::uint8_t>(from["correct"], name("correct"), shape);
  const std::vector<py::ssize_t> by_k{shape[0], static_cast<py::ssize_t>(ks)};
  if (from.contains("measure")) stage.measure = arrays.of_shape<double>(from["measure"], name("measure"), shape);
  if (from.contains("cost_pusd"))
    stage.cost_pusd = arrays.of_shape<std::int64_t>(from["cost_pusd"], name("cost_pusd"), shape);
  if (from.contains("once_pusd")) {
    stage.once_pusd = arrays.of_shape<std::int64_t>(from["once_pusd"], name("once_pusd"), {shape[0], shape[1]});
  }
  if (from.contains("variant")) stage.variant = arrays.of_shape<std::int32_t>(from["variant"], name("variant"), by_k);
  if (from.contains("custom")) stage.custom = arrays.of_shape<double>(from["custom"], name("custom"), by_k);
  if (from.contains("other")) {
    const auto [other, other_shape] = arrays.read<std::int32_t>(from["other"], name("other"), 3);
    if (other_shape[0] != shape[0] || other_shape[1] != shape[1]) {
      throw ConfigError(name("other") + ": expected problems and variants as in classes, " + shape_text(shape) +
                        ", got " + shape_text(other_shape));
    }
    stage.other = other;
    stage.other_samples = static_cast<int>(other_shape[2]);
  }
  if (from.contains("uses_k")) {
    if (!py::isinstance<py::bool_>(from["uses_k"])) {
      throw ConfigError(name("uses_k") + ": expected True or False, got " + std::string(py::repr(from["uses_k"])));
    }
    stage.uses_k = from["uses_k"].cast<bool>();
  }
  if (from.contains("carries")) {
    const py::object carries = from["carries"];
    if (!py::isinstance<py::int_>(carries) || py::isinstance<py::bool_>(carries)) {
      throw ConfigError(name("carries") + ": expected the number of a stage, got " + std::string(py::repr(carries)));
    }
    if (carries < py::int_(-1) || carries >= py::int_(index)) {
      throw ConfigError(name("carries") + ": expected an earlier stage or -1, got " + std::string(py::repr(carries)));
    }
    stage.carries = carries.cast<int>();
  }
  if (stage.variants > 1 && stage.variant.empty() && stage.carries < 0) {
    throw ConfigError(name("variant") + ": missing; the stage has " + std::to_string(stage.variants) + " variants");
  }
  return stage;
}

// The arguments that all three functions share.
struct Request {
  Arrays arrays;
  sweep::Recording recording;
  sweep::Options options;
  bool in_order = true;

  Request(const py::object& stages, const py::object& k, const std::string& estimator, bool conditional, int threads) {
    if (estimator != "order" && estimator != "subsets") {
      throw ConfigError("estimator: expected 'order' or 'subsets', got '" + estimator + "'");
    }
    in_order = estimator == "order";
    if (in_order && conditional) {
      throw ConfigError(
          "conditional: sampling order is not conditional on anything; leave it out, or pass estimator='subsets'");
    }
    if (threads < 0) throw ConfigError("threads: expected at least 0 (0: all cores), got " + std::to_string(threads));
    options.conditional = conditional;
    options.threads = threads;
    const auto [ks, shape] = arrays.read<std::int32_t>(k, "k", 1);
    recording.ks.assign(ks.begin(), ks.end());
    std::optional<py::ssize_t> problems;
    if (!py::isinstance<py::list>(stages) && !py::isinstance<py::tuple>(stages)) {
      throw ConfigError("stages: expected a list of dicts, one a stage, got " + type_name(stages));
    }
    for (const auto& stage : stages) {
      recording.stages.push_back(read_stage(stage, recording.stages.size(), recording.ks.size(), arrays, problems));
    }
    recording.problems = static_cast<std::size_t>(problems.value_or(0));
  }

  // On a thread of its own without the GIL, so that Ctrl-C works.
  template <typename Work>
  auto run(const Work& work) {
    std::atomic<bool> cancelled{false};
    options.cancelled = &cancelled;
    decltype(work()) result;
    run_interruptibly([&] { result = work(); }, [&] { cancelled = true; }, [] {}, 100);
    return result;
  }
  std::vector<py::ssize_t> shape(std::optional<std::size_t> rows, bool by_stage) const {
    const sweep::Shape of(recording);
    std::vector<py::ssize_t> shape;
    if (rows) shape.push_back(static_cast<py::ssize_t>(*rows));
    for (const std::size_t axis : of.axes) shape.push_back(static_cast<py::ssize_t>(axis));
    if (by_stage) shape.push_back(static_cast<py::ssize_t>(of.stages));
    return shape;
  }
};

// The vector's memory becomes the array's.
template <typename T>
py::array_t<T> array_of(std::vector<T>&& values, const std::vector<py::ssize_t>& shape) {
  auto* owned = new std::vector<T>(std::move(values));
  const py::capsule owner(owned, [](void* held) { delete static_cast<std::vector<T>*>(held); });
  return py::array_t<T>(shape, owned->data(), owner);
}

std::vector<std::uint8_t> as_bytes(const std::vector<std::int64_t>& values) { return {values.begin(), values.end()}; }

template <typename Number>
py::dict dict_of(const Request& request, sweep::Grid<Number>&& grid, std::optional<std::size_t> rows) {
  py::dict out;
  const auto points = request.shape(rows, false);
  if constexpr (std::is_integral_v<Number>) {
    if (rows) {
      out["correct"] = array_of(as_bytes(grid.correct), points);
      out["unscored"] = array_of(as_bytes(grid.unscored), points);
      out["resolved"] = array_of(as_bytes(grid.resolved), request.shape(rows, true));
      out["cost_pusd"] = array_of(std::move(grid.cost_pusd), points);
      return out;
    }
  }
  out["correct"] = array_of(std::move(grid.correct), points);
  out["cost_pusd"] = array_of(std::move(grid.cost_pusd), points);
  if (!grid.resolved.empty()) {
    out["unscored"] = array_of(std::move(grid.unscored), points);
    out["resolved"] = array_of(std::move(grid.resolved), request.shape(rows, true));
  }
  return out;
}

py::dict sweep_grid(const py::object& stages, const py::object& k, const std::string& estimator, bool conditional,
                    int threads) {
  Request request(stages, k, estimator, conditional, threads);
  if (request.in_order) {
    return dict_of(request, request.run([&] { return sweep::sweep_order(request.recording, request.options); }),
                   std::nullopt);
  }
  return dict_of(request, request.run([&] { return sweep::sweep_subsets(request.recording, request.options); }),
                 std::nullopt);
}

py::dict sweep_problems(const py::object& stages, const py::object& k, const std::string& estimator, bool conditional,
                        int threads) {
  Request request(stages, k, estimator, conditional, threads);
  const std::size_t rows = request.recording.problems;
  if (request.in_order) {
    return dict_of(request, request.run([&] { return sweep::problems_order(request.recording, request.options); }),
                   rows);
  }
  return dict_of(request, request.run([&] { return sweep::problems_subsets(request.recording, request.options); }),
                 rows);
}

py::dict sweep_bootstrap(const py::object& stages, const py::object& k, const py::object& weights,
                         const std::string& estimator, bool conditional, int threads) {
  Request request(stages, k, estimator, conditional, threads);
  const auto [values, shape] = request.arrays.read<double>(weights, "weights", 2);
  if (shape[1] != static_cast<py::ssize_t>(request.recording.problems)) {
    throw ConfigError("weights: expected the shape (resamples, " + std::to_string(request.recording.problems) +
                      "), got " + shape_text(shape));
  }
  const auto resamples = static_cast<std::size_t>(shape[0]);
  const auto work = [&, of = values] {
    return request.in_order ? sweep::bootstrap_order(request.recording, request.options, of, resamples)
                            : sweep::bootstrap_subsets(request.recording, request.options, of, resamples);
  };
  return dict_of(request, request.run(work), resamples);
}

}  // namespace

void bind_sweep(py::module_& module) {
  module.def("sweep", &sweep_grid, py::arg("stages"), py::arg("k"), py::kw_only(), py::arg("estimator") = "order",
             py::arg("conditional") = false, py::arg("threads") = 0);
  module.def("sweep_problems", &sweep_problems, py::arg("stages"), py::arg("k"), py::kw_only(),
             py::arg("estimator") = "order", py::arg("conditional") = false, py::arg("threads") = 0);
  module.def("sweep_bootstrap", &sweep_bootstrap, py::arg("stages"), py::arg("k"), py::arg("weights"), py::kw_only(),
             py::arg("estimator") = "order", py::arg("conditional") = false, py::arg("threads") = 0);
}

}  // namespace cope::python
