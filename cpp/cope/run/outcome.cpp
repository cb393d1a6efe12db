#include "cope/run/outcome.h"

#include <nlohmann/json.hpp>

namespace cope {

namespace {

using nlohmann::json;

json nullable(const auto& value) { return value ? json(*value) : json(nullptr); }

// Times are left out: a trace is the same whenever it is made.
json verdict_json(const Verdict& verdict) {
  const sandbox::Report& report = verdict.report;
  return json{{"outcome", sandbox::outcome_name(report.outcome)},
              {"tests_passed", report.tests_passed},
              {"tests", verdict.tests},
              {"first_failed_test", report.first_failed_test},
              {"exception_type", report.exception_type},
              {"line", report.line},
              {"message", report.message}};
}

}  // namespace

struct OutcomeBuilder::State {
  const Spec& spec;
  const Problem& problem;
  Outcome outcome;
  json trace;
  std::int64_t entered = 0;  // samples that the stages entered would have drawn
  std::int64_t flop = 0;
  bool flop_known = true;

  void add_cost(const Sample& sample) {
    const auto add = [](std::optional<std::int64_t>& total, const std::optional<std::int64_t>& cost) {
      if (total && cost) {
        *total += *cost;
      } else {
        total.reset();
      }
    };
    if (!sample.ok())
      return;  // a failed request is billed nothing that anybody knows; the ledger counts what it may have cost
    add(outcome.ideal_pusd, sample.cost_pusd);
    if (!sample.cached) add(outcome.billed_pusd, sample.cost_pusd);
  }
};

OutcomeBuilder::OutcomeBuilder(const Spec& spec, const Problem& problem)
    : state_(std::make_unique<State>(State{.spec = spec, .problem = problem, .outcome = {}, .trace = json::object()})) {
  state_->outcome.position = problem.position;
  state_->outcome.problem_id = problem.id;
  json& trace = state_->trace;
  trace["id"] = problem.id;
  trace["question"] = problem.question;
  trace["gold"] = nullable(problem.gold);
  json meta = json::parse(problem.meta_json, nullptr, /*allow_exceptions=*/false);
  trace["meta"] = meta.is_object() ? std::move(meta) : json::object();
  trace["answer"] = nullptr;
  trace["correct"] = nullptr;
  trace["score"] = nullptr;
  json draws = json::array();
  for (std::size_t d = 0; d < spec.cascade.draws.size(); ++d) {
    const Draw& draw = spec.cascade.draws[d];
    draws.push_back({{"draw", d},
                     {"stage", draw.stage},
                     {"name", draw.name},
                     {"model", spec.draws[d].model},
                     {"samples", json::array()}});
  }
  trace["draws"] = std::move(draws);
}

OutcomeBuilder::~OutcomeBuilder() = default;

void OutcomeBuilder::status(OutcomeStatus status, const Decision& decision) {
  Outcome& outcome = state_->outcome;
  outcome.status = status;
  outcome.stage = decision.action == Action::accept ? decision.stage : -1;
  json stages = json::array();
  for (const StageResult& result : decision.stages) {
    stages.push_back({{"stage", result.stage},
                      {"accepted", result.accepted},
                      {"votes", result.votes},
                      {"of", result.of},
                      {"value", result.value},
                      {"representative", result.representative},
                      {"scored", result.scored}});
  }
  state_->trace["stages"] = std::move(stages);
  state_->trace["accepted"] = decision.accepted;
  state_->trace["answer_draw"] = decision.answer_draw;
  state_->trace["answer_sample"] = decision.answer_sample;
  for (const Draw& draw : state_->spec.cascade.draws) {
    if (draw.stage <= decision.stage) state_->entered += draw.n;
  }
}

void OutcomeBuilder::sample(int draw, int index, const Sample& sample, const std::optional<std::string>& answer,
                            const Evidence& evidence, const std::optional<Verdict>& verdict) {
  State& state = *state_;
  const Stage& stage =
      state.spec.cascade
          .stages[static_cast<std::size_t>(state.spec.cascade.draws[static_cast<std::size_t>(draw)].stage)];
  const bool measured = evidence.scored && stage.gate.draw == draw &&
                        (stage.gate.measure == Gate::Measure::perplexity ||
                         stage.gate.measure == Gate::Measure::score || stage.gate.measure == Gate::Measure::passed);
  json row{{"identity", sample.identity == Digest{} ? "" : sample.identity.hex()},
           {"index", index},
           {"answer", nullable(answer)},
           {"scored", evidence.scored},
           {"measure", measured ? json(evidence.measure) : json(nullptr)},
           {"verdict", verdict ? verdict_json(*verdict) : json(nullptr)},
           {"error", to_string(sample.error)},
           {"error_message", sample.error_message},
           {"cached", sample.cached},
           {"finish_reason", sample.finish_reason},
           {"prompt_tokens", sample.usage.prompt_tokens},
           {"completion_tokens", sample.usage.completion_tokens},
           {"cost_pusd", nullable(sample.cost_pusd)}};
  state.trace["draws"][static_cast<std::size_t>(draw)]["samples"].push_back(std::move(row));
  if (sample.error != SampleError::parent_failed && sample.error != SampleError::budget) ++state.outcome.samples;
  state.add_cost(sample);
  const Endpoint& endpoint =
      state.spec.endpoints[static_cast<std::size_t>(state.spec.draws[static_cast<std::size_t>(draw)].model)];
  state.flop_known = state.flop_known && endpoint.parameters > 0 && (sample.usage.known || !sample.ok());
  state.flop += 2 * endpoint.parameters * (sample.usage.prompt_tokens + sample.usage.completion_tokens);
}

void OutcomeBuilder::score(const Verdict& verdict) { state_->trace["score"] = verdict_json(verdict); }

void OutcomeBuilder::answer(const std::optional<std::string>& answer, std::optional<bool> correct) {
  state_->outcome.correct = correct;
  state_->trace["answer"] = nullable(answer);
  state_->trace["correct"] = nullable(correct);
}

Outcome OutcomeBuilder::finish() {
  State& state = *state_;
  Outcome& outcome = state.outcome;
  const bool complete = outcome.status == OutcomeStatus::answered || outcome.status == OutcomeStatus::unscored;
  outcome.saved = complete ? state.entered - outcome.samples : 0;
  state.trace["status"] = to_string(outcome.status);
  state.trace["stage"] = outcome.stage;
  state.trace["billed_pusd"] = nullable(outcome.billed_pusd);
  state.trace["ideal_pusd"] = nullable(outcome.ideal_pusd);
  state.trace["compute_flop"] = state.flop_known ? json(state.flop) : json(nullptr);
  state.trace["samples"] = outcome.samples;
  state.trace["saved"] = outcome.saved;
  // What models wrote need not be UTF-8.
  outcome.trace_json = state.trace.dump(-1, ' ', false, json::error_handler_t::replace);
  return std::move(outcome);
}

std::string question_of_trace(const std::string& trace_json) {
  const json trace = json::parse(trace_json, nullptr, /*allow_exceptions=*/false);
  if (!trace.is_object()) return {};
  return trace.value("question", std::string());
}

}  // namespace cope
