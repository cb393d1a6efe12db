// A COPE spec for the tests of run/, as the Python layer would write it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cope::testing {

inline nlohmann::json cope_spec(int k = 4) {
  using nlohmann::json;
  const auto gate = [](const char* measure, int draw, int numerator, int denominator) {
    return json{{"measure", measure},
                {"draw", draw},
                {"comparison", ">"},
                {"threshold", {numerator, denominator}},
                {"denominator", "k"}};
  };
  const auto draw = [](const char* name, int stage, int n, bool plan, int model, const char* prompt, json given) {
    return json{{"name", name},
                {"stage", stage},
                {"n", n},
                {"plan", plan},
                {"given", std::move(given)},
                {"model", model},
                {"prompt", {{"name", name}, {"messages", {{{"role", "user"}, {"content", prompt}}}}}},
                {"sampling", {{"temperature", 0.8}, {"max_tokens", 64}}}};
  };
  const auto given = [](const char* field, int from, const char* pick) {
    return json{{"field", field}, {"draw", from}, {"pick", pick}};
  };
  const auto model = [](const char* name, int max_n) {
    return json{{"model", name},
                {"base_url", "http://127.0.0.1:9/v1"},
                {"stable_name", name},
                {"max_n", max_n},
                {"price", {{"input_pusd", 1}, {"cached_input_pusd", 1}, {"output_pusd", 2}, {"reasoning_pusd", 2}}},
                {"parameters", 10}};
  };
  return json{{"cascade",
               {{"name", "COPE"},
                {"early_stop", true},
                {"stages",
                 {{{"name", "1"}, {"gate", gate("consensus", 1, 3, 4)}},
                  {{"name", "2"}, {"gate", gate("consensus", 3, 1, 2)}},
                  {{"name", "3"}, {"gate", gate("always", 4, 0, 1)}}}},
                {"draws",
                 {draw("goals", 0, k, true, 0, "goal? {question}", json::array()),
                  draw("solutions", 0, k, false, 0, "{question} goal: {goal}", {given("goal", 0, "each")}),
                  draw("guideline", 1, 1, true, 1, "guideline? {question}", json::array()),
                  draw("solutions", 1, k, false, 0, "{question} {goal} {guideline}",
                       {given("goal", 0, "carried"), given("guideline", 2, "each")}),
                  draw("solution", 2, 1, false, 1, "{question} {guideline}", {given("guideline", 2, "carried")})}}}},
              {"models", {model("small", 8), model("large", 1)}},
              {"task", {{"name", "math"}}},
              {"seed", 3},
              {"window", 16}};
}

}  // namespace cope::testing
