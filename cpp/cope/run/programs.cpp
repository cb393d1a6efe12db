#include "cope/run/programs.h"

#include <nlohmann/json.hpp>

#include "cope/base/error.h"

namespace cope {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const Problem& problem, const std::string& what) {
  throw DataError("problem '" + problem.id + "', meta." + what + "; cope.load(..., task=\"code\") writes it");
}

std::vector<std::string> texts(const Problem& problem, const json& meta, const char* name) {
  std::vector<std::string> found;
  const auto value = meta.find(name);
  if (value == meta.end() || value->is_null()) return found;
  if (!value->is_array()) refuse(problem, std::string(name) + ": expected a list of tests");
  for (const json& each : *value) {
    if (!each.is_string()) refuse(problem, std::string(name) + ": expected tests as texts");
    found.push_back(each.get<std::string>());
  }
  return found;
}

std::string text(const Problem& problem, const json& meta, const char* name) {
  const auto value = meta.find(name);
  if (value == meta.end() || value->is_null()) return {};
  if (!value->is_string()) refuse(problem, std::string(name) + ": expected a text");
  return value->get<std::string>();
}

}  // namespace

Tests tests_of(const Problem& problem) {
  const json meta = json::parse(problem.meta_json, nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object()) refuse(problem, "visible_tests: is missing");
  Tests tests;
  tests.visible = texts(problem, meta, "visible_tests");
  tests.hidden = texts(problem, meta, "hidden_tests");
  tests.setup = text(problem, meta, "setup");
  tests.setup_after = text(problem, meta, "setup_after");
  tests.entry_point = text(problem, meta, "entry_point");
  tests.beginning = text(problem, meta, "beginning");
  const auto checks = meta.find("checks");
  tests.checks = checks != meta.end() && checks->is_boolean() && checks->get<bool>();
  if (tests.visible.empty() && tests.hidden.empty())
    refuse(problem, "hidden_tests: there are no tests to score a program by");
  if (tests.checks && tests.entry_point.empty())
    refuse(problem, "entry_point: is missing, which check(candidate) is called with");
  return tests;
}

sandbox::Program tested(const std::string& source, const Tests& tests, TestSet set, const sandbox::Limits& limits) {
  sandbox::Program program;
  program.source = source;
  program.setup_before = tests.setup;
  program.setup_after = tests.setup_after;
  program.tests = set == TestSet::visible ? tests.visible : tests.scoring();
  if (tests.checks && set == TestSet::scoring && !tests.hidden.empty()) program.entry_point = tests.entry_point;
  program.limits = limits;
  return program;
}

sandbox::Program evaluated(const std::string& source, const ProgramOfThought& thought, const sandbox::Limits& limits) {
  sandbox::Program program;
  program.source = thought.prelude.empty() ? source : thought.prelude + "\n" + source;
  program.result_name = thought.result_name;
  program.frozen_unix_s = thought.frozen_unix_s;
  program.limits = limits;
  program.limits.wall_ms = thought.wall_ms;
  program.limits.cpu_ms = thought.wall_ms;
  return program;
}

}  // namespace cope
