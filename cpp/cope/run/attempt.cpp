#include "cope/run/attempt.h"

#include <algorithm>
#include <cmath>

#include "cope/answer/program.h"
#include "cope/base/error.h"
#include "cope/run/identities.h"
#include "cope/run/outcome.h"

namespace cope {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

// A plan that failed or says nothing cannot enter a prompt.
bool usable_plan(const Sample& sample) { return sample.ok() && !blank(sample.text); }

}  // namespace

Attempt::Attempt(const Spec& spec, const Hooks& hooks, Problem problem)
    : spec_(spec),
      hooks_(hooks),
      task_(spec.task, hooks),
      problem_(std::move(problem)),
      trace_(Trace::empty(spec.cascade)) {
  slots_.resize(spec.cascade.draws.size());
  if (spec.code) tests_ = tests_of(problem_);
}

std::vector<DrawWave> Attempt::next() {
  while (!done_) {
    if (cut_off()) {
      done_ = outstanding_ == 0;
      break;
    }
    std::vector<DrawWave> waves =
        issue();  // also children whose plans have arrived while other samples are still outstanding
    if (!waves.empty() || outstanding_ > 0) return waves;
    decide(spec_.cascade, trace_, decision_);
    switch (decision_.action) {
      case Action::draw:
        for (const Want& want : decision_.wants) {
          auto& slots = slots_[at(want.draw)];
          if (slots.size() < at(want.upto)) slots.resize(at(want.upto));
        }
        break;
      case Action::measure:
        trace_.custom[at(decision_.stage)] = custom_measure(decision_.stage);
        break;
      case Action::accept:
        if (!scored()) return {};
        done_ = true;
        break;
      case Action::unscored:
        done_ = true;
        break;
    }
  }
  return {};
}

std::vector<DrawWave> Attempt::issue() {
  std::vector<DrawWave> waves;
  for (std::size_t d = 0; d < slots_.size(); ++d) {
    const int draw = static_cast<int>(d);
    const Draw& shape = spec_.cascade.draws[d];
    const DrawSettings& settings = spec_.draws[d];
    // Samples share a request only where their prompt is one by construction: not where two plans happen to be alike, which would make the
    // requests depend on the order of replies.
    const bool one_prompt = std::ranges::none_of(shape.given, [&](const Given& given) {
      return given.pick == Given::Pick::each && spec_.cascade.draws[at(given.draw)].n > 1;
    });
    bool open = false;  // the wave at the back takes further samples of this draw
    for (std::size_t i = 0; i < slots_[d].size(); ++i) {
      Slot& slot = slots_[d][i];
      if (slot.requested) {
        open = false;
        continue;
      }
      const int index = static_cast<int>(i);
      const Sample* useless = nullptr;  // a plan that failed, or is empty
      std::optional<std::vector<Message>> prompt = messages(draw, index, useless);
      if (useless != nullptr) {
        slot.requested = true;
        slot.sample.emplace();
        slot.sample->error = SampleError::parent_failed;
        slot.sample->error_message =
            useless->ok() ? "the plan that its prompt needs is an empty text" : "the plan that its prompt needs failed";
        slot.sample->attempts = 0;
        open = false;
        continue;
      }
      if (!prompt) {
        open = false;
        continue;
      }
      slot.requested = true;
      const std::int64_t seed = sample_seed(spec_, problem_.id, draw, index);
      if (open) {
        waves.back().request.seeds.push_back(seed);
        continue;
      }
      waves.push_back(DrawWave{
          draw, DrawRequest{settings.model, std::move(*prompt), settings.sampling, {seed}, index, problem_.position}});
      open = one_prompt;
    }
    extend_prefix(d);
  }
  outstanding_ += static_cast<int>(waves.size());
  return waves;
}

std::optional<std::vector<Message>> Attempt::messages(int draw, int index, const Sample*& useless) const {
  std::map<std::string, std::string> given;
  for (const Given& field : spec_.cascade.draws[at(draw)].given) {
    const int picked = picked_sample(spec_.cascade, field, index, decision_.stages);
    const auto& source = slots_[at(field.draw)];
    if (at(picked) >= source.size() || !source[at(picked)].sample) return std::nullopt;
    const Sample& plan = *source[at(picked)].sample;
    if (!usable_plan(plan)) {
      useless = &plan;
      return std::nullopt;
    }
    given[field.field] = plan.text;
  }
  return render_messages(draw, given);
}

std::vector<Message> Attempt::render_messages(int draw, const std::map<std::string, std::string>& given) const {
  if (const auto own = hooks_.prompt.find(draw); own != hooks_.prompt.end()) return own->second(problem_, given);
  return prompt_messages(spec_, draw, problem_.id, problem_.question, given);
}

void Attempt::arrived(const DrawWave& wave, std::vector<Sample> samples) {
  auto& slots = slots_[at(wave.draw)];
  for (std::size_t i = 0; i < samples.size(); ++i) {
    Slot& slot = slots[at(wave.request.first_index) + i];
    slot.sample = std::move(samples[i]);
    annotate(wave.draw, wave.request.first_index + static_cast<int>(i));
  }
  --outstanding_;
  extend_prefix(at(wave.draw));
}

void Attempt::annotate(int draw, int index) {
  Slot& slot = slots_[at(draw)][at(index)];
  const Sample& sample = *slot.sample;
  const Draw& shape = spec_.cascade.draws[at(draw)];
  if (shape.plan || !sample.ok() || sample.truncated() || blank(sample.text)) return;
  if (const std::optional<ProgramOfThought>& program = spec_.draws[at(draw)].program) {
    annotate_program(draw, index, *program);
  } else if (spec_.code) {
    annotate_code(draw, index);
  } else if (std::optional<std::string> answer = task_.answer(sample.text, problem_.id)) {
    vote_with(slot, std::move(*answer));
    measure(draw, slot);
  }
}

void Attempt::vote_with(Slot& slot, std::string answer) const {
  slot.answer = std::move(answer);
  slot.evidence.key = task_.key(*slot.answer);
  slot.evidence.scored = true;
}

// REQUIRES: the slot votes.
void Attempt::measure(int draw, Slot& slot) const {
  const Sample& sample = *slot.sample;
  switch (spec_.cascade.stages[at(spec_.cascade.draws[at(draw)].stage)].gate.measure) {
    case Gate::Measure::perplexity:
      slot.evidence.scored = sample.mean_logprob.has_value();
      slot.evidence.measure = std::exp(-sample.mean_logprob.value_or(0.0));
      break;
    case Gate::Measure::score:
    case Gate::Measure::passed:
      if (!hooks_.score) throw ConfigError("a gate on scores or tests needs the task's `score` function");
      slot.evidence.measure = hooks_.score(sample.text, problem_.id);
      if (std::isnan(slot.evidence.measure)) {
        throw ConfigError("the task's `score` function returned NaN for problem '" + problem_.id + "'");
      }
      break;
    default:
      break;
  }
}

void Attempt::annotate_program(int draw, int index, const ProgramOfThought& program) {
  const Slot& slot = slots_[at(draw)][at(index)];
  const std::optional<std::string> source =
      answer::extract_program(slot.sample->text, {.name = program.result_name, .beginning = {}});
  if (!source) return;
  run_for(draw, index, "value " + std::to_string(draw) + " " + *source,
          evaluated(*source, program, spec_.programs.limits));
}

void Attempt::annotate_code(int draw, int index) {
  Slot& slot = slots_[at(draw)][at(index)];
  std::optional<std::string> source =
      hooks_.answer
          ? task_.answer(slot.sample->text, problem_.id)
          : answer::extract_program(slot.sample->text, {.name = tests_->entry_point, .beginning = tests_->beginning});
  if (!source) return;
  vote_with(slot, std::move(*source));
  const Gate& gate = spec_.cascade.stages[at(spec_.cascade.draws[at(draw)].stage)].gate;
  if (gate.measure != Gate::Measure::passed || hooks_.score) {
    measure(draw, slot);
  } else if (gate.draw == draw && !tests_->visible.empty()) {
    run_for(draw, index, "visible " + *slot.answer,
            tested(*slot.answer, *tests_, TestSet::visible, spec_.programs.limits));
  }
}

void Attempt::run_for(int draw, int index, const std::string& key, sandbox::Program program) {
  const auto [place, is_new] = run_of_.try_emplace(key, static_cast<int>(runs_.size()));
  if (is_new) {
    runs_.push_back(Run{.slots = {}, .tests = static_cast<int>(program.tests.size()), .report = {}});
    to_run_.push_back(ProgramRun{place->second, std::move(program)});
    ++outstanding_;
  }
  Run& run = runs_[at(place->second)];
  if (run.report) {
    judge(draw, index, run);
    return;
  }
  run.slots.emplace_back(draw, index);
  slots_[at(draw)][at(index)].waiting = true;
}

void Attempt::judge(int draw, int index, const Run& run) {
  Slot& slot = slots_[at(draw)][at(index)];
  slot.waiting = false;
  slot.verdict = Verdict{*run.report, run.tests};
  if (!spec_.draws[at(draw)].program) {
    slot.evidence.measure = static_cast<double>(run.report->tests_passed) / run.tests;
  } else if (run.report->outcome == sandbox::Outcome::passed && run.report->value &&
             run.report->value_type != "NoneType" && !blank(*run.report->value)) {
    vote_with(slot, *run.report->value);
    measure(draw, slot);
  }
}

bool Attempt::scored() {
  if (!spec_.code || hooks_.grade || score_) return true;
  const Slot& slot = slots_[at(decision_.answer_draw)][at(decision_.answer_sample)];
  if (tests_->hidden.empty() && slot.verdict) {
    score_ = slot.verdict;
    return true;
  }
  score_ticket_ = static_cast<int>(runs_.size());
  sandbox::Program program = tested(*slot.answer, *tests_, TestSet::scoring, spec_.programs.limits);
  runs_.push_back(Run{.slots = {}, .tests = static_cast<int>(program.tests.size()), .report = {}});
  to_run_.push_back(ProgramRun{score_ticket_, std::move(program)});
  ++outstanding_;
  return false;
}

std::vector<ProgramRun> Attempt::programs() { return std::exchange(to_run_, {}); }

void Attempt::judged(int ticket, sandbox::Report report) {
  Run& run = runs_[at(ticket)];
  if (abandoned_ || run.report) return;
  if (report.outcome == sandbox::Outcome::invalid_tests) {
    throw DataError("problem '" + problem_.id + "': its tests cannot be run: " + report.message);
  }
  run.report = std::move(report);
  --outstanding_;
  if (ticket == score_ticket_) score_ = Verdict{*run.report, run.tests};
  for (const auto& [draw, index] : run.slots) {
    judge(draw, index, run);
    extend_prefix(at(draw));
  }
}

void Attempt::abandon_programs() {
  const auto missing = std::ranges::count_if(runs_, [](const Run& run) { return !run.report; });
  if (missing == 0 || abandoned_) return;
  abandoned_ = true;
  outstanding_ -= static_cast<int>(missing);
  to_run_.clear();
}

void Attempt::extend_prefix(std::size_t draw) {
  auto& prefix = trace_.draws[draw];
  const auto& slots = slots_[draw];
  while (prefix.size() < slots.size() && slots[prefix.size()].sample && !slots[prefix.size()].waiting)
    prefix.push_back(slots[prefix.size()].evidence);
}

double Attempt::custom_measure(int stage) const {
  const auto own = hooks_.gate.find(stage);
  if (own == hooks_.gate.end()) {
    throw ConfigError("stage '" + spec_.cascade.stages[at(stage)].name +
                      "' has a custom gate, but no function was given");
  }
  Hooks::Answered samples;
  for (const Slot& slot : slots_[at(spec_.cascade.stages[at(stage)].gate.draw)]) {
    samples.emplace_back(slot.sample->text, slot.answer);
  }
  const double value = own->second(samples, problem_.id);
  if (std::isnan(value)) {
    throw ConfigError("the gate of stage '" + spec_.cascade.stages[at(stage)].name + "' returned NaN for problem '" +
                      problem_.id + "'");
  }
  return value;
}

bool Attempt::cut_off() const {
  return abandoned_ || std::ranges::any_of(slots_, [](const auto& slots) {
           return std::ranges::any_of(slots, [](const Slot& slot) {
             return slot.sample &&
                    (slot.sample->error == SampleError::budget || slot.sample->error == SampleError::cancelled ||
                     slot.sample->error == SampleError::not_recorded);
           });
         });
}

OutcomeStatus Attempt::status() const {
  if (decision_.action == Action::accept && !abandoned_) return OutcomeStatus::answered;
  if (cut_off()) return OutcomeStatus::unfinished;
  const bool errors = std::ranges::any_of(slots_, [](const auto& slots) {
    return std::ranges::any_of(slots, [](const Slot& slot) {
      // A refusal and an empty plan are the model's own doing; whatever else failed may go well another time.
      return slot.sample && !slot.sample->ok() && slot.sample->error != SampleError::refused &&
             slot.sample->error != SampleError::parent_failed;
    });
  });
  return errors ? OutcomeStatus::failed : OutcomeStatus::unscored;
}

std::int64_t Attempt::cached_samples() const {
  std::int64_t count = 0;
  for (const auto& slots : slots_) {
    count += std::ranges::count_if(slots, [](const Slot& slot) { return slot.sample && slot.sample->cached; });
  }
  return count;
}

Outcome Attempt::outcome() const {
  OutcomeBuilder builder(spec_, problem_);
  builder.status(status(), decision_);
  for (std::size_t d = 0; d < slots_.size(); ++d) {
    for (std::size_t i = 0; i < slots_[d].size(); ++i) {
      const Slot& slot = slots_[d][i];
      if (slot.sample)
        builder.sample(static_cast<int>(d), static_cast<int>(i), *slot.sample, slot.answer, slot.evidence,
                       slot.verdict);
    }
  }
  if (decision_.action == Action::accept) {
    const std::optional<std::string>& answer = slots_[at(decision_.answer_draw)][at(decision_.answer_sample)].answer;
    std::optional<bool> correct;
    if (score_) {
      correct = score_->report.outcome == sandbox::Outcome::passed;
      builder.score(*score_);
    } else if (answer && problem_.gold && !spec_.code) {
      correct = task_.grade(*problem_.gold, *answer, problem_.id);
    }
    builder.answer(answer, correct);
  }
  return builder.finish();
}

}  // namespace cope
