// Draws samples: from the store where it has them, else from the endpoints, within the budget, and durably.
//
//   Sampler sampler(endpoints, store, options);
//   sampler.draw(request, [&](std::vector<Sample> samples) { … });     // called inside step(), after the samples are durable
//   while (sampler.pending() > 0) sampler.step(/*timeout_ms=*/50);
//
// For each wave: look the identities up; for what is missing reserve the worst case (paid models only), send requests of at most
// endpoint.max_n choices, retry what may be retried, top up missing choices by single calls under the samples' own seeds, price each reply from
// its usage, write samples and settlement in one commit, then call back with the samples in order. A sample that failed for good comes back as a
// value with an error. A refused reservation waits while this sampler has reservations outstanding, then fails with SampleError::budget.
//
// Thread-safety: owned by one thread, which calls draw() and step(). wake(), cancel() and stats() may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cope/base/sample.h"
#include "cope/sampler/endpoint.h"
#include "cope/sampler/request.h"
#include "cope/store/store.h"

namespace cope {

struct EndpointStats {
  std::int64_t requests_sent = 0;  // retries included
  std::int64_t retries = 0;
  std::int64_t rate_limited = 0;
  // Resubmitted after a timeout or a broken connection: what was sent before may have been billed.
  std::int64_t possibly_billed_retries = 0;
  std::int64_t in_flight = 0;
  std::int64_t concurrency_limit = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t choices_requested = 0;  // in replies that brought choices
  std::int64_t choices_returned = 0;   // those beyond what was asked included
};

struct SamplerStats {
  std::vector<EndpointStats> endpoints;
  std::int64_t samples_drawn = 0;
  std::int64_t samples_from_store = 0;
};

// A request that failed for good when it was recorded fails again when it is replayed.
struct RecordedFailure {
  SampleError error = SampleError::not_recorded;
  std::string message;
};
using RecordedFailures = std::unordered_map<Digest, RecordedFailure, DigestHash>;

struct SamplerOptions {
  std::uint64_t jitter_seed = 0;  // of the back-off; never changes a decision
  std::string ca_bundle;          // empty: SSL_CERT_FILE, then the known paths of the distributions
  // Not null: a replay, which asks nobody. What the store lacks fails as it did when it was recorded, else with SampleError::not_recorded.
  std::shared_ptr<const RecordedFailures> replay;
};

class Sampler {
 public:
  using Done = std::function<void(std::vector<Sample>)>;

  Sampler(std::vector<Endpoint> endpoints, Store& store, SamplerOptions options);
  ~Sampler();  // abandons what is in flight; nothing that was received is lost
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  void draw(DrawRequest request, Done done);
  // Sends what may be sent, waits at most timeout_ms for something to happen, calls back what is complete.
  void step(int timeout_ms);
  std::size_t pending() const;  // waves not yet called back

  void wake();  // ends a waiting step()
  // No further request is sent; those in flight are abandoned (paid ones stay reserved in full); every pending wave is called back in the next
  // step() with SampleError::cancelled for what is missing.
  void cancel();
  SamplerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Asks GET {base_url}/models and throws the EndpointError that fits: nobody there (APIConnectionError, with what to check), a refused key
// (AuthenticationError), a wrong base URL, a model that the endpoint lists not (BadRequestError, naming those it lists). An endpoint that answers
// 404 or 405 to /models passes where an empty object posted to /chat/completions gets anything but 404. Nothing is spent.
// Each of the two requests blocks at most timeout_ms.
void check_endpoint(const Endpoint& endpoint, std::int64_t timeout_ms = 10'000, const std::string& ca_bundle = "");

}  // namespace cope
