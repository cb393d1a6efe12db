#include "cope/run/engine.h"

#include <algorithm>
#include <utility>

#include "cope/base/error.h"
#include "cope/run/outcome.h"

namespace cope {

namespace {

constexpr int step_ms = 50;
// So many failures in a row, with no success between them, are the endpoint's and not the requests'.
constexpr int failures_that_end_a_run = 8;

[[noreturn]] void throw_endpoint_error(const Endpoint& endpoint, const Sample& sample) {
  const std::string where = "model '" + endpoint.model + "' at " + endpoint.base_url + ": ";
  const std::string kept = "; what was received is in the store, and the same call goes on from there";
  EndpointReply reply{sample.status_code, sample.request_id, sample.error_message};
  const std::string message = where + sample.error_message + kept;
  switch (sample.error) {
    case SampleError::authentication:
      throw AuthenticationError(message, std::move(reply));
    case SampleError::rate_limited:
      throw RateLimitError(message, std::move(reply));
    case SampleError::timeout:
      throw APITimeoutError(message, std::move(reply));
    case SampleError::connection:
      throw APIConnectionError(message, std::move(reply));
    case SampleError::not_found:
    case SampleError::bad_request:
      throw BadRequestError(message, std::move(reply));
    default:
      throw EndpointError(message, std::move(reply));
  }
}

}  // namespace

Engine::Engine(Spec spec, Store& store, Hooks hooks, ProblemSource source, std::string manifest_json, Recorded recorded)
    : spec_(std::move(spec)),
      store_(store),
      hooks_(std::move(hooks)),
      source_(std::move(source)),
      manifest_json_(std::move(manifest_json)),
      replay_(recorded.samples != nullptr),
      health_(spec_.endpoints.size()),
      sampler_(std::make_unique<Sampler>(
          spec_.endpoints, replay_ ? *recorded.samples : store,
          SamplerOptions{.jitter_seed = 0, .ca_bundle = {}, .replay = std::move(recorded.failures)})) {
  progress_.resolved_by_stage.assign(spec_.cascade.stages.size(), 0);
  if (!spec_.runs_programs()) return;
  reports_ = std::make_shared<Inbox<Judged>>([this] { sampler_->wake(); });
  sandbox_ = std::make_unique<sandbox::Sandbox>(sandbox::Options{.interpreter = spec_.programs.interpreter,
                                                                 .workers = spec_.programs.workers,
                                                                 .isolation = spec_.programs.isolation});
}

Engine::~Engine() {
  if (reports_) reports_->close();
}

void Engine::cancel() {
  cancelled_ = true;
  sampler_->cancel();
}

RunResult Engine::run() {
  const RunRow row = store_.begin_run(spec_.key, manifest_json_);
  run_id_ = row.id;
  resuming_ = row.outcomes > 0;
  try {
    drive();
    store_.flush();
  } catch (...) {
    sampler_->cancel();
    close_after_failure();
    throw;
  }
  bool complete = !cancelled_;
  {
    const std::lock_guard lock(mu_);
    complete = complete && progress_.unfinished == 0;
  }
  store_.end_run(run_id_, complete ? RunStatus::finished : RunStatus::interrupted);
  return RunResult{run_id_, cancelled_};
}

// The first error is the one to report; what can still be kept is kept.
void Engine::close_after_failure() noexcept {
  try {
    store_.flush();
    store_.end_run(run_id_, RunStatus::failed);
  } catch (const std::exception&) {
    return;  // the store itself is what failed, and the caller is being told
  }
}

void Engine::drive() {
  bool more = true;
  while (more || !active_.empty()) {
    more = more && !cancelled_;
    while (more && std::ssize(active_) < spec_.window) more = start_next();
    if (!active_.empty()) sampler_->step(hear() ? 0 : step_ms);
    if (cancelled_) abandon_programs();
  }
}

bool Engine::hear() {
  if (!reports_) return false;
  bool heard = false;
  // A program that cannot even be read is reported at once, so hearing may bring more to hear.
  for (std::vector<Judged> all = reports_->take(); !all.empty(); all = reports_->take()) {
    heard = true;
    for (Judged& each : all) {
      const auto attempt = active_.find(each.position);
      if (attempt == active_.end()) continue;  // cancelled meanwhile
      attempt->second->judged(each.ticket, std::move(each.report));
      advance(each.position);
    }
  }
  return heard;
}

void Engine::abandon_programs() {
  if (!sandbox_) return;
  std::vector<std::int64_t> positions;
  for (const auto& [position, attempt] : active_) positions.push_back(position);
  for (const std::int64_t position : positions) {
    active_.at(position)->abandon_programs();
    advance(position);
  }
}

bool Engine::start_next() {
  std::optional<Problem> problem = source_();
  if (!problem) return false;
  problem->position = next_position_++;
  {
    const std::lock_guard lock(mu_);
    ++progress_.started;
  }
  if (resuming_ && resume(*problem)) return !cancelled_;
  const std::int64_t position = problem->position;
  active_.emplace(position, std::make_unique<Attempt>(spec_, hooks_, std::move(*problem)));
  advance(position);
  return !cancelled_;
}

bool Engine::resume(const Problem& problem) {
  const std::optional<Outcome> known = store_.find_outcome(run_id_, problem.id);
  if (!known || known->status == OutcomeStatus::failed || known->status == OutcomeStatus::unfinished) return false;
  if (question_of_trace(known->trace_json) != problem.question) return false;
  count(*known);
  const std::lock_guard lock(mu_);
  ++progress_.resumed;
  return true;
}

void Engine::advance(std::int64_t position) {
  Attempt& attempt = *active_.at(position);
  for (DrawWave& wave : attempt.next()) {
    DrawRequest request = wave.request;
    sampler_->draw(std::move(request), [this, position, wave = std::move(wave)](std::vector<Sample> samples) {
      for (const Sample& sample : samples) watch(wave.request.model, sample);
      active_.at(position)->arrived(wave, std::move(samples));
      advance(position);
    });
  }
  for (ProgramRun& run : attempt.programs()) {
    sandbox_->submit(run.program, [reports = reports_, position, ticket = run.ticket](sandbox::Report report) {
      reports->post(Judged{position, ticket, std::move(report)});
    });
  }
  if (attempt.done()) finish(attempt);
}

void Engine::finish(Attempt& attempt) {
  const std::int64_t position = attempt.problem().position;
  Outcome outcome = attempt.outcome();
  count(outcome);
  {
    const std::lock_guard lock(mu_);
    progress_.samples_from_store += attempt.cached_samples();
    progress_.billed_pusd += outcome.billed_pusd.value_or(0);
  }
  store_.put_outcome(run_id_, std::move(outcome));
  active_.erase(position);
}

void Engine::count(const Outcome& outcome) {
  const std::lock_guard lock(mu_);
  ++progress_.done;
  switch (outcome.status) {
    case OutcomeStatus::answered:
      ++progress_.answered;
      break;
    case OutcomeStatus::unscored:
      ++progress_.unscored;
      break;
    case OutcomeStatus::failed:
      ++progress_.failed;
      break;
    case OutcomeStatus::unfinished:
      ++progress_.unfinished;
      break;
  }
  if (outcome.correct) {
    ++progress_.graded;
    progress_.correct += *outcome.correct ? 1 : 0;
  }
  if (outcome.stage >= 0) ++progress_.resolved_by_stage[static_cast<std::size_t>(outcome.stage)];
  progress_.samples += outcome.samples;
  progress_.saved += outcome.saved;
}

void Engine::watch(int model, const Sample& sample) {
  if (replay_) return;  // the endpoint is not there
  Health& health = health_[static_cast<std::size_t>(model)];
  const Endpoint& endpoint = spec_.endpoints[static_cast<std::size_t>(model)];
  switch (sample.error) {
    case SampleError::none:
      ++health.successes;
      health.failures_in_a_row = 0;
      return;
    case SampleError::authentication:
    case SampleError::not_found:
    case SampleError::no_logprobs:
      throw_endpoint_error(endpoint, sample);
    case SampleError::connection:
    case SampleError::timeout:
    case SampleError::rate_limited:
    case SampleError::server:
      if (++health.failures_in_a_row >= failures_that_end_a_run) throw_endpoint_error(endpoint, sample);
      return;
    case SampleError::bad_request:
    case SampleError::malformed:
      // Some prompts may be bad; that none ever went well is another matter.
      if (++health.failures_in_a_row >= failures_that_end_a_run && health.successes == 0)
        throw_endpoint_error(endpoint, sample);
      return;
    default:
      return;
  }
}

Progress Engine::progress() const {
  Progress progress;
  {
    const std::lock_guard lock(mu_);
    progress = progress_;
  }
  if (sampler_) {
    for (const EndpointStats& stats : sampler_->stats().endpoints) {
      progress.requests_sent += stats.requests_sent;
      progress.retries += stats.retries;
      progress.in_flight += stats.in_flight;
    }
  }
  progress.elapsed_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_).count();
  return progress;
}

}  // namespace cope
