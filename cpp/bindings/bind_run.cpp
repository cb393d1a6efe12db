#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "cope/base/error.h"
#include "cope/run/engine.h"
#include "cope/run/identities.h"
#include "cope/run/spec.h"
#include "cope/sampler/sampler.h"
#include "store_handle.h"
#include "wait.h"

namespace py = pybind11;

namespace cope::python {

namespace {

// Cancels the run it is given to; may be used before, during and after it, from any thread.
class CancelToken {
 public:
  void cancel() {
    const std::lock_guard lock(mu_);
    cancelled_ = true;
    if (engine_ != nullptr) engine_->cancel();
  }
  bool cancelled() const {
    const std::lock_guard lock(mu_);
    return cancelled_;
  }
  void attach(Engine* engine) {
    const std::lock_guard lock(mu_);
    engine_ = engine;
    if (cancelled_ && engine_ != nullptr) engine_->cancel();
  }

 private:
  mutable std::mutex mu_;
  bool cancelled_ = false;    // guarded by mu_
  Engine* engine_ = nullptr;  // guarded by mu_; alive while attached
};

// The user's Python functions as hooks. Each call takes the GIL; an exception is kept here, ends the run as PythonFailed, and is raised again, traceback
// and all, on the caller's thread.
struct PythonFailed : Error {
  PythonFailed() : Error("a Python function of this run raised an exception") {}
};

class PythonCalls {
 public:
  template <class Call>
  auto guard(Call call) {
    const py::gil_scoped_acquire acquire;
    try {
      return call();
    } catch (py::error_already_set& error) {
      if (!error_) error_.emplace(error);
      throw PythonFailed();
    } catch (const py::cast_error& error) {
      throw ConfigError(std::string("a Python function of this run returned the wrong type: ") + error.what());
    }
  }
  // REQUIRES: the GIL is held.
  void rethrow() {
    if (!error_) return;
    py::error_already_set error = std::move(*error_);
    error_.reset();
    throw error;
  }

 private:
  std::optional<py::error_already_set> error_;
};

std::map<int, py::function> by_index(const py::dict& callbacks, const char* name) {
  std::map<int, py::function> functions;
  if (!callbacks.contains(name)) return functions;
  for (const auto& [key, value] : callbacks[name].cast<py::dict>())
    functions[key.cast<int>()] = value.cast<py::function>();
  return functions;
}

std::vector<Message> messages_from(const py::handle& value) {
  std::vector<Message> messages;
  for (const py::handle item : value) {
    messages.push_back(Message{item["role"].cast<std::string>(), item["content"].cast<std::string>()});
  }
  return messages;
}

Hooks hooks_from(const py::dict& callbacks, PythonCalls& calls) {
  Hooks hooks;
  if (callbacks.contains("answer")) {
    hooks.answer = [f = callbacks["answer"].cast<py::function>(), &calls](const std::string& text,
                                                                          const std::string& id) {
      return calls.guard([&] { return f(text, id).cast<std::optional<std::string>>(); });
    };
  }
  if (callbacks.contains("key")) {
    hooks.key = [f = callbacks["key"].cast<py::function>(), &calls](const std::string& answer) {
      return calls.guard([&] { return f(answer).cast<std::string>(); });
    };
  }
  if (callbacks.contains("grade")) {
    hooks.grade = [f = callbacks["grade"].cast<py::function>(), &calls](
                      const std::string& gold, const std::string& answer, const std::string& id) {
      return calls.guard([&] { return f(gold, answer, id).cast<bool>(); });
    };
  }
  if (callbacks.contains("score")) {
    hooks.score = [f = callbacks["score"].cast<py::function>(), &calls](const std::string& text,
                                                                        const std::string& id) {
      return calls.guard([&] { return f(text, id).cast<double>(); });
    };
  }
  for (auto& [stage, f] : by_index(callbacks, "gate")) {
    hooks.gate[stage] = [f = f, &calls](const Hooks::Answered& samples, const std::string& id) {
      return calls.guard([&] { return f(samples, id).cast<double>(); });
    };
  }
  for (auto& [draw, f] : by_index(callbacks, "prompt")) {
    hooks.prompt[draw] = [f = f, &calls](const Problem& problem, const std::map<std::string, std::string>& given) {
      return calls.guard([&] { return messages_from(f(problem.id, problem.question, given)); });
    };
  }
  return hooks;
}

// Pulls problems from the Python iterator in batches, so that the GIL is not taken for each.
class PythonSource {
 public:
  PythonSource(py::iterator problems, PythonCalls& calls) : problems_(std::move(problems)), calls_(calls) {}

  std::optional<Problem> operator()() {
    if (next_ == batch_.size() && !ended_) refill();
    if (next_ == batch_.size()) return std::nullopt;
    return std::move(batch_[next_++]);
  }

 private:
  static constexpr std::size_t batch_problems = 256;

  void refill() {
    batch_.clear();
    next_ = 0;
    calls_.guard([&] {
      while (batch_.size() < batch_problems) {
        if (problems_ == py::iterator::sentinel()) {
          ended_ = true;
          return;
        }
        const auto row = py::cast<py::tuple>(*problems_);
        Problem problem;
        problem.id = row[0].cast<std::string>();
        problem.question = row[1].cast<std::string>();
        problem.gold = row[2].cast<std::optional<std::string>>();
        problem.meta_json = row[3].cast<std::string>();
        batch_.push_back(std::move(problem));
        ++problems_;
      }
    });
  }

  py::iterator problems_;
  PythonCalls& calls_;
  std::vector<Problem> batch_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

py::dict progress_dict(const Progress& progress) {
  py::dict out;
  out["started"] = progress.started;
  out["done"] = progress.done;
  out["resumed"] = progress.resumed;
  out["answered"] = progress.answered;
  out["unscored"] = progress.unscored;
  out["failed"] = progress.failed;
  out["unfinished"] = progress.unfinished;
  out["graded"] = progress.graded;
  out["correct"] = progress.correct;
  out["resolved_by_stage"] = progress.resolved_by_stage;
  out["samples"] = progress.samples;
  out["samples_from_store"] = progress.samples_from_store;
  out["saved"] = progress.saved;
  out["requests_sent"] = progress.requests_sent;
  out["retries"] = progress.retries;
  out["in_flight"] = progress.in_flight;
  out["billed_pusd"] = progress.billed_pusd;
  out["elapsed_ms"] = progress.elapsed_ms;
  return out;
}

// Problem's id, its question, draw, index, the texts of the draw's fields.
using SampleRow = std::tuple<std::string, std::string, int, int, std::map<std::string, std::string>>;

std::shared_ptr<const RecordedFailures> recorded_failures(
    const std::map<std::string, std::pair<std::string, std::string>>& failures) {
  auto found = std::make_shared<RecordedFailures>();
  for (const auto& [identity, failure] : failures) {
    found->emplace(digest_from_hex(identity), RecordedFailure{sample_error(failure.first), failure.second});
  }
  return found;
}

py::tuple run(const std::string& spec_json, const std::vector<std::string>& keys, const StoreHandle& handle,
              py::iterator problems, std::string manifest, const std::optional<py::dict>& callbacks,
              const std::optional<py::function>& on_progress, int progress_interval_ms, CancelToken* cancel,
              const StoreHandle* recorded, const std::map<std::string, std::pair<std::string, std::string>>& failures) {
  Spec spec = parse_spec(spec_json, keys);
  const std::shared_ptr<Store> store = handle.get();
  const std::shared_ptr<Store> samples = recorded == nullptr ? nullptr : recorded->get();
  PythonCalls calls;
  PythonSource source(std::move(problems), calls);
  RunResult result;
  Progress last;
  {
    Engine engine(
        std::move(spec), *store, hooks_from(callbacks.value_or(py::dict()), calls), [&source] { return source(); },
        std::move(manifest), Recorded{samples.get(), samples ? recorded_failures(failures) : nullptr});
    if (cancel != nullptr) cancel->attach(&engine);
    const auto detach = [&] {
      if (cancel != nullptr) cancel->attach(nullptr);
    };
    const auto tick = [&] {
      if (on_progress) (*on_progress)(progress_dict(engine.progress()));
    };
    try {
      run_interruptibly([&] { result = engine.run(); }, [&] { engine.cancel(); }, tick, progress_interval_ms);
    } catch (const PythonFailed&) {
      detach();
      calls.rethrow();
      throw;
    } catch (...) {
      detach();
      throw;
    }
    detach();
    last = engine.progress();
  }
  return py::make_tuple(result.run_id, progress_dict(last));
}

}  // namespace

void bind_run(py::module_& module) {
  py::class_<CancelToken>(module, "CancelToken")
      .def(py::init<>())
      // The engine's thread may hold the sampler's lock while it waits for the GIL.
      .def("cancel", &CancelToken::cancel, py::call_guard<py::gil_scoped_release>())
      .def_property_readonly("cancelled", &CancelToken::cancelled);
  module.def("run", &run, py::arg("spec"), py::kw_only(), py::arg("keys"), py::arg("store"), py::arg("problems"),
             py::arg("manifest"), py::arg("callbacks") = py::none(), py::arg("on_progress") = py::none(),
             py::arg("progress_interval_ms") = 100, py::arg("cancel") = py::none(), py::arg("recorded") = py::none(),
             py::arg("failures") = py::dict());
  module.def(
      "sample_identities",
      [](const std::string& spec, const std::vector<SampleRow>& rows) {
        const Spec parsed = parse_spec(spec, std::nullopt);
        std::vector<SamplePlace> places;
        places.reserve(rows.size());
        for (const auto& [id, question, draw, index, given] : rows) {
          places.push_back(SamplePlace{id, question, draw, index, given});
        }
        std::vector<std::string> hex;
        for (const Digest& identity : sample_identities(parsed, places)) hex.push_back(identity.hex());
        return hex;
      },
      py::arg("spec"), py::arg("rows"));
  module.def("validate", [](const std::string& spec) { parse_spec(spec, std::nullopt); }, py::arg("spec"));
  module.def(
      "check_endpoint",
      [](const std::string& model, const std::string& key, std::int64_t timeout_ms) {
        const Endpoint endpoint = parse_endpoint(model, key);
        const py::gil_scoped_release release;  // waits for the network
        check_endpoint(endpoint, timeout_ms);
      },
      py::arg("model"), py::arg("key"), py::kw_only(), py::arg("timeout_ms") = 10'000);
}

}  // namespace cope::python
