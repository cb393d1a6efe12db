// One endpoint as the sampler drives it: wire format, limiter, queue and counters.
//
// Thread-safety: the counters may be read from any thread through stats(); the rest is owned by the sampler's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "cope/sampler/chat.h"
#include "cope/sampler/endpoint.h"
#include "cope/sampler/http_client.h"
#include "cope/sampler/job.h"
#include "cope/sampler/limiter.h"

namespace cope {

struct Model {
  // Throws ConfigError for an endpoint that cannot work: no price, a key that does not fit into a header, limits below 1.
  Model(Endpoint the_endpoint, HttpClient& http);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Priced from the usage; none where there is none, or where it cannot be priced.
  std::optional<std::int64_t> cost(const Usage& usage) const;
  void count(const ChatReply& reply, int asked);
  void publish();  // makes the limiter's state visible to stats()
  EndpointStats stats() const;

  const Endpoint endpoint;
  const ChatFormat format;
  const IdentityFormat identity;
  const int target;
  Limiter limiter;
  ReadyQueue ready;

  using Counter = std::atomic<std::int64_t>;
  Counter requests_sent{0};
  Counter retries{0};
  Counter rate_limited{0};
  Counter possibly_billed_retries{0};
  Counter in_flight{0};
  Counter concurrency_limit{0};
  Counter prompt_tokens{0};
  Counter completion_tokens{0};
  Counter choices_requested{0};
  Counter choices_returned{0};
};

// The headers of every request to the endpoint, the key among them. Throws ConfigError for a key with characters that no header may hold.
std::vector<std::string> request_headers(const Endpoint& endpoint);

}  // namespace cope
