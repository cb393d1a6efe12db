#include "cope/sampler/sampler.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <unordered_set>
#include <utility>

#include "cope/base/error.h"
#include "cope/sampler/chat.h"
#include "cope/sampler/http_client.h"
#include "cope/sampler/inbox.h"
#include "cope/sampler/job.h"
#include "cope/sampler/limiter.h"
#include "cope/sampler/model.h"
#include "cope/sampler/purse.h"
#include "cope/sampler/retry.h"
#include "cope/sampler/text.h"
#include "cope/sampler/verdict.h"

namespace cope {
namespace {

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// What the store's thread tells the sampler's: a reservation's answer, or a commit.
struct StoreEvent {
  JobPtr job;
  std::optional<Reservation> reservation;
  Written written;
  std::vector<std::size_t> positions;  // in the wave, of the samples written
};

int connections_of(const std::vector<Endpoint>& endpoints) {
  int sum = 0;
  for (const Endpoint& endpoint : endpoints) sum += endpoint.max_concurrency;
  return std::max(sum, 1);
}

}  // namespace

class Sampler::Impl {
 public:
  Impl(std::vector<Endpoint> endpoints, Store& store, SamplerOptions options)
      : options_(std::move(options)),
        store_(store),
        purse_(store),
        http_({.max_connections = connections_of(endpoints), .ca_bundle = options_.ca_bundle}),
        inbox_(std::make_shared<Inbox<StoreEvent>>([this] { http_.wake(); })) {
    for (Endpoint& endpoint : endpoints) models_.push_back(std::make_unique<Model>(std::move(endpoint), http_));
  }

  ~Impl() {
    try {
      if (!abandoned_) abandon();
      if (purse_.awaited() > 0) store_.flush();  // brings the answers, so that what was never sent is given back
      for (StoreEvent& event : inbox_->take()) {
        if (event.reservation && event.reservation->granted) store_.settle({event.reservation->id, 0});
      }
    } catch (const std::exception&) {
      // The store tells its other users; what is not settled counts in full.
    }
    inbox_->close();
  }

  void draw(DrawRequest request, Done done) {
    if (request.model < 0 || static_cast<std::size_t>(request.model) >= models_.size()) {
      throw ConfigError("model must be one of the " + std::to_string(models_.size()) + " endpoints, got " +
                        std::to_string(request.model));
    }
    check_request(request);
    const Model& model = model_of(request);
    auto wave = std::make_shared<Wave>();
    wave->identities = model.identity.identities(request);
    wave->request = std::move(request);
    wave->done = std::move(done);
    const std::size_t count = wave->identities.size();
    wave->samples.resize(count);
    wave->filled.assign(count, false);
    wave->missing = count;
    std::vector<std::optional<Sample>> found = store_.find(wave->identities);
    std::vector<JobPtr> jobs;
    if (!cancelled_.load() && !options_.replay) jobs = jobs_for(wave, found, model);
    waves_.insert(wave);
    for (std::size_t i = 0; i < count; ++i) {
      if (!found[i]) continue;
      found[i]->cached = true;
      from_store_.fetch_add(1);
      set_sample(wave, i, std::move(*found[i]));
    }
    for (JobPtr& job : jobs) make_ready(std::move(job));
    if (options_.replay) close_replayed(wave);
    if (cancelled_.load()) close_cancelled(wave);
  }

  void step(int timeout_ms) {
    if (cancelled_.load() && !abandoned_) abandon();
    advance();
    http_.step(complete_.empty() ? wait_ms(timeout_ms) : 0);
    if (cancelled_.load() && !abandoned_) abandon();
    advance();
    for (const auto& model : models_) model->publish();
    deliver();
  }

  std::size_t pending() const { return waves_.size(); }
  void wake() { http_.wake(); }

  void cancel() {
    cancelled_.store(true);
    http_.wake();
  }

  SamplerStats stats() const {
    SamplerStats stats;
    for (const auto& model : models_) stats.endpoints.push_back(model->stats());
    stats.samples_drawn = drawn_.load();
    stats.samples_from_store = from_store_.load();
    return stats;
  }

 private:
  Model& model_of(const DrawRequest& request) { return *models_[static_cast<std::size_t>(request.model)]; }

  // A wave is cut into requests of max_n choices at fixed places, so that its requests are the same whatever came before; a request
  // of which the store has a part is drawn sample by sample under the samples' own seeds.
  std::vector<JobPtr> jobs_for(const WavePtr& wave, const std::vector<std::optional<Sample>>& found,
                               const Model& model) {
    std::vector<JobPtr> jobs;
    const auto most = static_cast<std::size_t>(model.endpoint.max_n);
    for (std::size_t first = 0; first < found.size(); first += most) {
      const std::size_t end = std::min(first + most, found.size());
      const bool whole = std::none_of(found.begin() + static_cast<std::ptrdiff_t>(first),
                                      found.begin() + static_cast<std::ptrdiff_t>(end),
                                      [](const auto& sample) { return sample.has_value(); });
      if (whole) {
        jobs.push_back(make_job(wave, first, static_cast<int>(end - first), model));
        continue;
      }
      for (std::size_t i = first; i < end; ++i) {
        if (!found[i]) jobs.push_back(make_job(wave, i, 1, model));
      }
    }
    return jobs;
  }

  JobPtr make_job(const WavePtr& wave, std::size_t first, int n, const Model& model) {
    auto job = std::make_shared<Job>();
    job->wave = wave;
    job->first = first;
    job->n = n;
    job->number = next_number_++;
    job->priority = wave->request.priority;
    job->worst_pusd = model.format.worst_case_pusd(wave->request, n);
    return job;
  }

  void make_ready(JobPtr job) {
    Model& model = model_of(job->wave->request);
    model.ready.push(std::move(job));
  }

  // Takes the store's news and sends what may be sent, until neither brings anything new.
  void advance() {
    do {
      const std::int64_t now = steady_ms();
      while (!retries_.empty() && retries_.top()->due_ms <= now) {
        make_ready(retries_.top());
        retries_.pop();
      }
      while (JobPtr job = purse_.next_in_line()) make_ready(std::move(job));
      for (const auto& model : models_) start(*model, now);
    } while (take_news());
  }

  void start(Model& model, std::int64_t now) {
    if (abandoned_) return;
    while (!model.ready.empty() && model.limiter.may_send(now)) {
      const JobPtr job = model.ready.top();
      const bool needs_money = job->worst_pusd > 0 && !job->reserved;
      if (needs_money && !purse_.may_ask(*job)) return;
      model.ready.pop();
      model.limiter.on_sent();
      if (needs_money) {
        reserve(job);
      } else {
        send(model, job);
      }
    }
  }

  // --- money ---------------------------------------------------------------------------------------------------

  void reserve(const JobPtr& job) {
    purse_.reserve(
        *job, [inbox = inbox_, job](Reservation reservation) { inbox->post({job, std::move(reservation), {}, {}}); });
  }

  void on_reservation(const JobPtr& job, const Reservation& reservation) {
    Model& model = model_of(job->wave->request);
    model.limiter.on_other();  // the place that was kept for it
    const Purse::Answer answer = purse_.take_answer(job, reservation);
    if (job->wave->closed) {
      purse_.settle(*job, 0);
    } else if (answer == Purse::Answer::granted) {
      model.limiter.on_sent();
      send(model, job);
    } else if (answer == Purse::Answer::refused) {
      fail(*job, SampleError::budget,
           "the store's budget leaves no room for this request (it may cost up to " + usd_text(job->worst_pusd) +
               " USD); raise budget_usd to go on",
           {});
    }
  }

  // --- requests ------------------------------------------------------------------------------------------------

  void send(Model& model, const JobPtr& job) {
    ++job->attempts;
    job->sent_ms = steady_ms();
    model.requests_sent.fetch_add(1, std::memory_order_relaxed);
    http_.post(
        model.target, model.format.body(job->wave->request, job->first, job->n),
        [this, job](HttpReply reply) { on_reply(job, std::move(reply)); },
        model.format.most_reply_bytes(job->wave->request, job->n));
  }

  void on_reply(const JobPtr& job, HttpReply reply) {
    Model& model = model_of(job->wave->request);
    if (job->wave->closed) {  // abandoned: what had left stays reserved in full
      model.limiter.on_other();
      if (reply.failure == HttpFailure::unreachable) purse_.settle(*job, 0);
      return;
    }
    const std::int64_t now = steady_ms();
    Verdict verdict = judge(reply, model.format, job->wave->request.sampling, job->n);
    model.limiter.on_headers(reply.headers, now);
    if (verdict.chat.error == SampleError::none) {
      model.limiter.on_success(job->sent_ms);
      accept(model, job, reply, verdict.chat);
      return;
    }
    if (verdict.chat.status == 429) {
      model.rate_limited.fetch_add(1, std::memory_order_relaxed);
      model.limiter.on_rate_limited(job->sent_ms, now, retry_after_ms(reply.headers, unix_ms() / 1000).value_or(0));
    } else {
      model.limiter.on_other();
    }
    const RetryDecision next =
        decide_retry(verdict.failed, job->attempts, model.endpoint.max_retries,
                     {options_.jitter_seed, static_cast<std::uint64_t>(job->number)}, unix_ms() / 1000);
    settle_failed(*job, verdict.maybe_billed, next.retry);
    if (next.retry) {
      model.retries.fetch_add(1, std::memory_order_relaxed);
      if (verdict.maybe_billed) model.possibly_billed_retries.fetch_add(1, std::memory_order_relaxed);
      job->due_ms = now + next.delay_ms;
      retries_.push(job);
      return;
    }
    std::string message = verdict.chat.error_message;
    if (!next.reason.empty()) message += " (" + next.reason + ")";
    fail(*job, verdict.chat.error, message, {verdict.chat.status, reply.headers.request_id, verdict.maybe_billed});
  }

  // What may have been billed counts in full; a retry of what was certainly not billed keeps its reservation.
  void settle_failed(Job& job, bool maybe_billed, bool retried) {
    if (maybe_billed) {
      purse_.settle(job, job.worst_pusd);
    } else if (!retried) {
      purse_.settle(job, 0);
    }
  }

  void fail(const Job& job, SampleError error, const std::string& message, const Refusal& refusal) {
    for (std::size_t i = job.first; i < job.first + static_cast<std::size_t>(job.n); ++i) {
      set_sample(job.wave, i, failed_sample(job, i, error, message, refusal));
    }
  }

  void accept(Model& model, const JobPtr& job, const HttpReply& reply, ChatReply& chat) {
    const WavePtr wave = job->wave;
    model.count(chat, job->n);
    std::vector<Sample> keep;
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < chat.choices.size(); ++i) {
      Sample sample = drawn_sample(*job, job->first + i, chat.choices[i], reply);
      sample.cost_pusd = model.cost(sample.usage);
      if (sample.ok()) {
        keep.push_back(std::move(sample));
        positions.push_back(job->first + i);
      } else {
        set_sample(wave, job->first + i, std::move(sample));
      }
    }
    request_missing(model, *job, chat.choices.size());
    const std::int64_t billed = model.cost(chat.usage).value_or(job->worst_pusd);
    if (keep.empty()) {
      purse_.settle(*job, billed);
      return;
    }
    store_.put(std::move(keep), purse_.take_settlement(*job, billed),
               [inbox = inbox_, job, positions](Written written) {
                 inbox->post({job, std::nullopt, std::move(written), positions});
               });
  }

  void request_missing(const Model& model, const Job& job, std::size_t got) {
    for (std::size_t i = got; i < static_cast<std::size_t>(job.n); ++i) {
      if (job.top_up) {
        fail(job, SampleError::missing_choices,
             "the endpoint returned fewer choices than asked, also when asked for the missing one alone",
             {200, "", false});
        return;
      }
      JobPtr single = make_job(job.wave, job.first + i, 1, model);
      single->top_up = true;
      make_ready(std::move(single));
    }
  }

  // --- news and deliveries -------------------------------------------------------------------------------------

  bool take_news() {
    std::vector<StoreEvent> events = inbox_->take();
    std::string error;
    for (StoreEvent& event : events) {
      try {
        event.reservation ? on_reservation(event.job, *event.reservation) : on_written(event);
      } catch (const StoreError& failure) {  // the other events still count
        error = failure.what();
      }
    }
    if (!error.empty()) throw StoreError(error);
    return !events.empty();
  }

  void on_written(StoreEvent& event) {
    if (!event.written.error.empty()) throw StoreError(event.written.error);
    if (event.job->wave->closed) return;  // cancelled; the samples are in the store for the next time
    for (std::size_t i = 0; i < event.positions.size() && i < event.written.samples.size(); ++i) {
      drawn_.fetch_add(1);
      set_sample(event.job->wave, event.positions[i], std::move(event.written.samples[i]));
    }
  }

  void set_sample(const WavePtr& wave, std::size_t position, Sample sample) {
    if (wave->fill(position, std::move(sample)) && wave->closed) complete_.push_back(wave);
  }

  void deliver() {
    // A callback may draw further waves; those that the store has are called back in the next step.
    for (std::size_t left = complete_.size(); left > 0; --left) {
      const WavePtr wave = std::move(complete_.front());
      complete_.pop_front();
      waves_.erase(wave);
      const Done done = std::move(wave->done);
      done(std::move(wave->samples));
    }
    if (!cancelled_.load()) advance();  // sends at once what the callbacks asked for
  }

  // --- replays -------------------------------------------------------------------------------------------------

  void close_replayed(const WavePtr& wave) {
    for (std::size_t i = 0; i < wave->samples.size(); ++i) {
      if (!wave->filled[i]) set_sample(wave, i, replayed_failure(wave->identities[i], *options_.replay));
    }
  }

  // --- cancellation --------------------------------------------------------------------------------------------

  void close_cancelled(const WavePtr& wave) {
    for (std::size_t i = 0; i < wave->samples.size(); ++i) {
      if (wave->filled[i]) continue;
      set_sample(wave, i, cancelled_sample(wave->identities[i]));
    }
  }

  void abandon() {
    abandoned_ = true;
    const std::unordered_set<WavePtr> open = waves_;
    for (const WavePtr& wave : open) close_cancelled(wave);
    purse_.dismiss_line();
    http_.abandon();
    while (!retries_.empty()) {
      purse_.settle(*retries_.top(), 0);
      retries_.pop();
    }
    for (const auto& model : models_) {
      while (!model->ready.empty()) {
        purse_.settle(*model->ready.top(), 0);
        model->ready.pop();
      }
    }
  }

  int wait_ms(int timeout_ms) const {
    std::int64_t until = -1;
    const std::int64_t now = steady_ms();
    const auto consider = [&](std::int64_t at) {
      if (at >= 0) until = until < 0 ? at : std::min(until, at);
    };
    if (!retries_.empty()) consider(retries_.top()->due_ms);
    for (const auto& model : models_) {
      if (!model->ready.empty()) consider(model->limiter.retry_at_ms(now));
    }
    if (until < 0) return timeout_ms;
    const std::int64_t wait = std::clamp<std::int64_t>(until - now, 0, 1 << 30);
    return timeout_ms < 0 ? static_cast<int>(wait) : static_cast<int>(std::min<std::int64_t>(wait, timeout_ms));
  }

  // Constant after construction.
  const SamplerOptions options_;
  Store& store_;

  // Internally synchronised.
  std::atomic<bool> cancelled_{false};
  std::atomic<std::int64_t> drawn_{0};
  std::atomic<std::int64_t> from_store_{0};

  // Owned by the calling thread (HttpClient::wake apart).
  Purse purse_;
  HttpClient http_;
  const std::shared_ptr<Inbox<StoreEvent>> inbox_;
  std::vector<std::unique_ptr<Model>> models_;
  std::unordered_set<WavePtr> waves_;  // not yet called back
  std::deque<WavePtr> complete_;
  RetryQueue retries_;
  std::int64_t next_number_ = 0;
  bool abandoned_ = false;
};

Sampler::Sampler(std::vector<Endpoint> endpoints, Store& store, SamplerOptions options)
    : impl_(std::make_unique<Impl>(std::move(endpoints), store, std::move(options))) {}
Sampler::~Sampler() = default;
void Sampler::draw(DrawRequest request, Done done) { impl_->draw(std::move(request), std::move(done)); }
void Sampler::step(int timeout_ms) { impl_->step(timeout_ms); }
std::size_t Sampler::pending() const { return impl_->pending(); }
void Sampler::wake() { impl_->wake(); }
void Sampler::cancel() { impl_->cancel(); }
SamplerStats Sampler::stats() const { return impl_->stats(); }

}  // namespace cope
