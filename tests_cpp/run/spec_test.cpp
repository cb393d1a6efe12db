#include "cope/run/spec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "cope/base/error.h"
#include "run/specs.h"

namespace cope {
namespace {

using nlohmann::json;

Digest key_of(const json& spec) { return parse_spec(spec.dump(), std::nullopt).key; }

TEST(Spec, reads_what_python_writes) {
  const Spec spec = parse_spec(testing::cope_spec().dump(), std::vector<std::string>{"", "secret"});
  EXPECT_EQ(spec.cascade.stages.size(), 3U);
  EXPECT_EQ(spec.cascade.stages[0].gate.threshold, (Rational{3, 4}));
  EXPECT_EQ(spec.draws[2].model, 1);
  EXPECT_EQ(spec.draws[1].prompt[0].content, "{question} goal: {goal}");
  EXPECT_EQ(spec.endpoints[1].api_key.reveal(), "secret");
  EXPECT_EQ(spec.endpoints[0].max_n, 8);
  EXPECT_EQ(spec.seed, 3);
}

TEST(Spec, the_key_ignores_where_and_how_fast_but_not_what) {
  const Digest key = key_of(testing::cope_spec());
  json elsewhere = testing::cope_spec();
  elsewhere["models"][0]["base_url"] = "http://127.0.0.1:10/v1";
  elsewhere["models"][0]["max_concurrency"] = 3;
  elsewhere["window"] = 99;
  EXPECT_EQ(key_of(elsewhere), key);
  for (const char* path : {"/seed", "/models/0/stable_name", "/cascade/stages/0/gate/comparison",
                           "/cascade/draws/0/prompt/messages/0/content"}) {
    json changed = testing::cope_spec();
    json& value = changed[json::json_pointer(path)];
    value = value.is_number() ? json(77) : json(value == ">" ? ">=" : "other");
    EXPECT_NE(key_of(changed), key) << path;
  }
}

TEST(Spec, names_the_field_that_is_wrong) {
  const struct {
    const char* what;
    std::function<void(json&)> spoil;
  } cases[] = {
      {"spec.models[1].price: prices cannot be negative", [](json& s) { s["models"][1]["price"]["input_pusd"] = -1; }},
      {"has no price", [](json& s) { s["models"][1]["price"] = nullptr; }},
      {"spec.models[0].model is missing", [](json& s) { s["models"][0].erase("model"); }},
      {"there is no model 7", [](json& s) { s["cascade"]["draws"][0]["model"] = 7; }},
      {"expected one of 'always', 'consensus'", [](json& s) { s["cascade"]["stages"][0]["gate"]["measure"] = "luck"; }},
      {"threshold", [](json& s) { s["cascade"]["stages"][0]["gate"]["threshold"] = {0.75, 1}; }},
      {"max_tokens must be at least 1", [](json& s) { s["cascade"]["draws"][0]["sampling"]["max_tokens"] = 0; }},
      {"temperature must be at least 0", [](json& s) { s["cascade"]["draws"][0]["sampling"]["temperature"] = -1; }},
      {"window must be at least 1", [](json& s) { s["window"] = 0; }},
      {"wrong type or is out of range", [](json& s) { s["cascade"]["draws"][0]["n"] = 99999999999; }},
      {"logprobs=True",
       [](json& s) {
         s["cascade"]["stages"][0]["gate"]["measure"] = "perplexity";
         s["cascade"]["stages"][0]["gate"]["comparison"] = "<";
       }},
      {"expected one of 'math', 'text'", [](json& s) { s["task"]["name"] = "poetry"; }},
  };
  for (const auto& [what, spoil] : cases) {
    json spec = testing::cope_spec();
    spoil(spec);
    try {
      parse_spec(spec.dump(), std::nullopt);
      ADD_FAILURE() << "accepted: " << what;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(parse_spec("{", std::nullopt), ConfigError);
  EXPECT_THROW(parse_spec(testing::cope_spec().dump(), std::vector<std::string>{"one"}), ConfigError);
}

}  // namespace
}  // namespace cope
