#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "cope/base/error.h"
#include "store_handle.h"

namespace py = pybind11;

namespace cope::python {

namespace {

// What models wrote need not be UTF-8; Python texts must be.
py::str text(const std::string& bytes) {
  PyObject* decoded = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::dict run_row(const RunRow& row) {
  py::dict out;
  out["id"] = row.id;
  out["key"] = row.key.hex();
  out["manifest"] = text(row.manifest_json);
  out["status"] = std::string(to_string(row.status));
  out["started_unix_ms"] = row.started_unix_ms;
  out["ended_unix_ms"] = row.ended_unix_ms;
  out["outcomes"] = row.outcomes;
  return out;
}

py::dict outcome_row(const Outcome& outcome, bool with_trace) {
  py::dict out;
  out["position"] = outcome.position;
  out["problem_id"] = text(outcome.problem_id);
  out["status"] = std::string(to_string(outcome.status));
  out["stage"] = outcome.stage;
  out["correct"] = outcome.correct;
  out["billed_pusd"] = outcome.billed_pusd;
  out["ideal_pusd"] = outcome.ideal_pusd;
  out["samples"] = outcome.samples;
  out["saved"] = outcome.saved;
  out["trace"] = with_trace ? py::object(text(outcome.trace_json)) : py::object(py::none());
  return out;
}

py::dict sample_row(const Sample& sample) {
  py::dict out;
  out["identity"] = sample.identity.hex();
  out["text"] = text(sample.text);
  out["reasoning"] = text(sample.reasoning);
  out["finish_reason"] = text(sample.finish_reason);
  out["prompt_tokens"] = sample.usage.prompt_tokens;
  out["cached_prompt_tokens"] = sample.usage.cached_prompt_tokens;
  out["completion_tokens"] = sample.usage.completion_tokens;
  out["reasoning_tokens"] = sample.usage.reasoning_tokens;
  out["usage_known"] = sample.usage.known;
  out["usage_estimated"] = sample.usage.estimated;
  out["cost_pusd"] = sample.cost_pusd;
  out["mean_logprob"] = sample.mean_logprob;
  out["latency_ms"] = sample.latency_ms;
  out["created_unix_ms"] = sample.created_unix_ms;
  out["request_id"] = text(sample.request_id);
  out["attempts"] = sample.attempts;
  return out;
}

// A sample of another store or file; what it does not say is left as a sample without it has it.
Sample sample_from(const py::dict& row) {
  const auto get = [&]<class T>(const char* name, T fallback) {
    return row.contains(name) ? row[name].cast<T>() : std::move(fallback);
  };
  Sample sample;
  sample.identity = digest_from_hex(row["identity"].cast<std::string>());
  sample.text = row["text"].cast<std::string>();
  sample.reasoning = get("reasoning", std::string());
  sample.finish_reason = get("finish_reason", std::string());
  sample.status_code = 200;
  sample.request_id = get("request_id", std::string());
  sample.usage.prompt_tokens = get("prompt_tokens", std::int64_t{0});
  sample.usage.cached_prompt_tokens = get("cached_prompt_tokens", std::int64_t{0});
  sample.usage.completion_tokens = get("completion_tokens", std::int64_t{0});
  sample.usage.reasoning_tokens = get("reasoning_tokens", std::int64_t{0});
  sample.usage.known = get("usage_known", false);
  sample.usage.estimated = get("usage_estimated", false);
  sample.cost_pusd = get("cost_pusd", std::optional<std::int64_t>());
  sample.mean_logprob = get("mean_logprob", std::optional<double>());
  sample.latency_ms = get("latency_ms", std::int64_t{0});
  sample.created_unix_ms = get("created_unix_ms", std::int64_t{0});
  sample.attempts = get("attempts", 1);
  return sample;
}

// Runs a call on the store with the GIL released: it waits for the disk.
template <class Call>
auto unlocked(const StoreHandle& handle, Call call) {
  const std::shared_ptr<Store> store = handle.get();
  const py::gil_scoped_release release;
  return call(*store);
}

StoreHandle open_store(const std::string& directory, const std::string& mode, bool durable) {
  Store::Mode opened = Store::Mode::create;
  if (mode == "write") {
    opened = Store::Mode::write;
  } else if (mode == "read") {
    opened = Store::Mode::read;
  } else if (mode != "create") {
    throw ConfigError("mode must be 'create', 'write' or 'read', got '" + mode + "'");
  }
  Store::Options options;
  options.durable = durable;
  const py::gil_scoped_release release;  // opening reads the file and may wait for another process
  return StoreHandle(Store::open(directory, opened, options));
}

}  // namespace

void bind_store(py::module_& module) {
  py::class_<StoreHandle>(module, "Store")
      .def_static("open", &open_store, py::arg("directory"), py::kw_only(), py::arg("mode") = "create",
                  py::arg("durable") = true)
      .def_property_readonly("directory", [](const StoreHandle& self) { return self.get()->directory(); })
      .def("runs",
           [](const StoreHandle& self) {
             py::list out;
             for (const RunRow& row : unlocked(self, [](Store& store) { return store.runs(); }))
               out.append(run_row(row));
             return out;
           })
      .def(
          "outcomes",
          [](const StoreHandle& self, std::int64_t run_id, std::int64_t offset, std::int64_t limit, bool trace) {
            const auto rows =
                unlocked(self, [&](Store& store) { return store.outcomes(run_id, offset, limit, trace); });
            py::list out;
            for (const Outcome& outcome : rows) out.append(outcome_row(outcome, trace));
            return out;
          },
          py::arg("run_id"), py::kw_only(), py::arg("offset") = 0, py::arg("limit") = -1, py::arg("trace") = false)
      .def(
          "outcome",
          [](const StoreHandle& self, std::int64_t run_id, const std::string& problem_id) -> py::object {
            const auto outcome = unlocked(self, [&](Store& store) { return store.find_outcome(run_id, problem_id); });
            if (!outcome) return py::none();
            return outcome_row(*outcome, true);
          },
          py::arg("run_id"), py::arg("problem_id"))
      .def(
          "samples",
          [](const StoreHandle& self, const std::vector<std::string>& identities) {
            std::vector<Digest> wanted;
            for (const std::string& identity : identities) wanted.push_back(digest_from_hex(identity));
            const auto found = unlocked(self, [&](Store& store) { return store.find(wanted); });
            py::list out;
            for (const auto& sample : found) {
              out.append(sample ? py::object(sample_row(*sample)) : py::object(py::none()));
            }
            return out;
          },
          py::arg("identities"))
      .def(
          "put_samples",
          [](const StoreHandle& self, const std::vector<py::dict>& rows) {
            std::vector<Sample> samples;
            samples.reserve(rows.size());
            for (const py::dict& row : rows) samples.push_back(sample_from(row));
            unlocked(self, [&](Store& store) {
              store.put(std::move(samples), std::nullopt, nullptr);
              store.flush();
            });
          },
          py::arg("rows"))
      .def("ledger",
           [](const StoreHandle& self) {
             const LedgerTotals totals = unlocked(self, [](Store& store) { return store.ledger(); });
             py::dict out;
             out["cap_pusd"] = totals.cap_pusd;
             out["settled_pusd"] = totals.settled_pusd;
             out["reserved_pusd"] = totals.reserved_pusd;
             return out;
           })
      .def(
          "set_cap",
          [](const StoreHandle& self, std::optional<std::int64_t> cap_pusd) {
            unlocked(self, [&](Store& store) { store.set_cap(cap_pusd); });
          },
          py::arg("cap_pusd").none(true))
      .def("close", &StoreHandle::close);
}

}  // namespace cope::python
