#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bindings.h"
#include "cope/base/error.h"
#include "cope/sandbox/sandbox.h"
#include "wait.h"

namespace py = pybind11;

namespace cope::python {

namespace {

using sandbox::Limits;
using sandbox::Outcome;
using sandbox::Program;
using sandbox::Report;
using sandbox::Sandbox;

// A text as UTF-8; lone surrogates stay what they are, and the core says so.
std::string utf8(const py::str& text) {
  const auto bytes = py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
  if (!bytes) throw py::error_already_set();
  return py::cast<std::string>(bytes);
}

std::optional<std::string> optional_utf8(const py::object& text) {
  if (text.is_none()) return std::nullopt;
  return utf8(py::cast<py::str>(text));
}

Program program_of(const py::dict& row) {
  Program program;
  program.source = utf8(row["source"]);
  program.setup_before = utf8(row["setup_before"]);
  program.setup_after = utf8(row["setup_after"]);
  for (const auto test : py::cast<py::sequence>(row["tests"])) program.tests.push_back(utf8(py::cast<py::str>(test)));
  program.entry_point = optional_utf8(row["entry_point"]);
  program.result_name = optional_utf8(row["result_name"]);
  program.frozen_unix_s = py::cast<std::optional<std::int64_t>>(row["frozen_unix_s"]);
  Limits& limits = program.limits;
  limits.wall_ms = py::cast<int>(row["wall_ms"]);
  limits.cpu_ms = py::cast<int>(row["cpu_ms"]);
  limits.memory_bytes = py::cast<std::int64_t>(row["memory_bytes"]);
  limits.output_bytes = py::cast<std::int64_t>(row["output_bytes"]);
  limits.file_bytes = py::cast<std::int64_t>(row["file_bytes"]);
  limits.check();
  return program;
}

py::str text_of(const std::string& text) {
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::dict row_of(const Report& report) {
  py::dict row;
  row["outcome"] = std::string(sandbox::outcome_name(report.outcome));
  row["tests_passed"] = report.tests_passed;
  row["tests_inside"] = report.tests_inside;
  row["first_failed_test"] = report.first_failed_test < 0 ? py::object(py::none()) : py::int_(report.first_failed_test);
  row["exception_type"] = text_of(report.exception_type);
  row["line"] = report.line;
  row["message"] = text_of(report.message);
  row["value"] = report.value ? py::object(text_of(*report.value)) : py::object(py::none());
  row["value_type"] = text_of(report.value_type);
  row["output"] = text_of(report.output);
  row["attempts"] = report.attempts;
  row["wall_ms"] = report.wall_ms;
  row["cpu_ms"] = report.cpu_ms;
  return row;
}

// Reports as they come in.
struct Awaited {
  std::mutex mu;
  std::condition_variable changed;
  std::vector<Report> reports;  // guarded by mu
  std::size_t missing = 0;      // guarded by mu
};

// A sandbox as Python holds it: closed by hand or with the object. Used with the GIL held; the sandbox inside is internally synchronised.
class Handle {
 public:
  Handle(const std::string& interpreter, int workers, const std::string& isolation) {
    if (isolation != "full" && isolation != "reduced")
      throw ConfigError("isolation: expected full or reduced, got '" + isolation + "'");
    if (workers < 0) throw ConfigError("workers: expected 0 (one a core) or more, got " + std::to_string(workers));
    const py::gil_scoped_release release;  // interpreters start
    sandbox_ = std::make_shared<Sandbox>(
        sandbox::Options{.interpreter = interpreter,
                         .workers = workers,
                         .isolation = isolation == "full" ? sandbox::Isolation::full : sandbox::Isolation::reduced});
  }
  Handle(Handle&&) = default;
  Handle& operator=(Handle&&) = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }

  py::list run(const py::sequence& rows) const {
    if (!sandbox_) throw ConfigError("the sandbox is closed; make a new one");
    std::vector<Program> programs;
    for (const auto row : rows) programs.push_back(program_of(py::cast<py::dict>(row)));
    const auto awaited = std::make_shared<Awaited>();
    awaited->reports.resize(programs.size());
    awaited->missing = programs.size();
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    run_interruptibly([&, sandbox = sandbox_] { wait_for(*sandbox, programs, awaited, cancelled); },
                      [&] { *cancelled = true; }, [] {}, /*interval_ms=*/1000);
    py::list found;
    for (const Report& report : awaited->reports) {
      if (report.outcome == Outcome::invalid_tests) throw DataError(sandbox::invalid_tests_message(report));
      found.append(row_of(report));
    }
    return found;
  }

  int workers() const { return sandbox_ ? sandbox_->workers() : 0; }

  void close() {
    if (!sandbox_) return;
    const py::gil_scoped_release release;  // joins the workers' threads
    sandbox_.reset();
  }

 private:
  // Until the last report is in; a cancelled program's comes soon.
  static void wait_for(Sandbox& sandbox, const std::vector<Program>& programs, const std::shared_ptr<Awaited>& awaited,
                       const sandbox::Cancelled& cancelled) {
    for (std::size_t i = 0; i < programs.size(); ++i)
      sandbox.submit(
          programs[i],
          [awaited, i](Report report) {
            const std::lock_guard lock(awaited->mu);
            awaited->reports[i] = std::move(report);
            if (--awaited->missing == 0) awaited->changed.notify_all();
          },
          cancelled);
    std::unique_lock lock(awaited->mu);
    awaited->changed.wait(lock, [&] { return awaited->missing == 0; });
  }

  std::shared_ptr<Sandbox> sandbox_;  // shared with the calls that run in it
};

}  // namespace

void bind_sandbox(py::module_& module) {
  py::class_<Handle>(module, "Sandbox")
      .def(py::init<const std::string&, int, const std::string&>(), py::kw_only(), py::arg("interpreter"),
           py::arg("workers"), py::arg("isolation"))
      .def("run", &Handle::run, py::arg("programs"))
      .def_property_readonly("workers", &Handle::workers)
      .def("close", &Handle::close);
}

}  // namespace cope::python
