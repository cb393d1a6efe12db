// Draws so many samples from one endpoint through the sampler, all that the client does but durability: JSON, identities, limiter, retries.
// The store forgets everything at once, to isolate the client.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cope/sampler/http_client.h"
#include "cope/sampler/sampler.h"

namespace cope::bench {

class NullStore : public Store {
 public:
  std::vector<std::optional<Sample>> find(std::span<const Digest> identities) override {
    return std::vector<std::optional<Sample>>(identities.size());
  }
  void put(std::vector<Sample> samples, std::optional<Settlement>, std::function<void(Written)> done) override {
    done({std::move(samples), ""});
  }
  void set_cap(std::optional<std::int64_t>) override {}
  void reserve(std::int64_t, std::function<void(Reservation)> done) override { done({true, 1, ""}); }
  void settle(Settlement) override {}
  LedgerTotals ledger() override { return {}; }
  RunRow begin_run(const Digest&, const std::string&) override { return {}; }
  void end_run(std::int64_t, RunStatus) override {}
  std::vector<RunRow> runs() override { return {}; }
  void put_outcome(std::int64_t, Outcome) override {}
  std::optional<Outcome> find_outcome(std::int64_t, const std::string&) override { return std::nullopt; }
  std::vector<Outcome> outcomes(std::int64_t, std::int64_t, std::int64_t, bool) override { return {}; }
  void flush() override {}
  const std::string& directory() const override { return directory_; }

 private:
  const std::string directory_ = "nowhere";
};

struct Load {
  int requests = 0;
  int failed = 0;
  double wall_s = 0;
};

inline Load draw_many(const std::string& base_url, int requests, int in_flight) {
  Endpoint endpoint;
  endpoint.model = "bench";
  endpoint.base_url = base_url;
  endpoint.stable_name = "bench";
  endpoint.api_key = Secret("bench");
  endpoint.price = Price{};
  endpoint.max_concurrency = in_flight;
  endpoint.initial_concurrency = in_flight;
  NullStore store;
  Sampler sampler({endpoint}, store, {});
  Load load;
  int drawn = 0;
  std::function<void()> next = [&] {
    DrawRequest request;
    request.messages = {{"user", "Mia has 20 apples. Leo has twice as many as Mia. How many apples does Leo have?"}};
    request.seeds = {++drawn};
    request.sampling.max_tokens = 64;
    sampler.draw(std::move(request), [&](const std::vector<Sample>& samples) {
      ++load.requests;
      if (!samples[0].ok()) ++load.failed;
      if (drawn < requests) next();
    });
  };
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < in_flight && drawn < requests; ++i) next();
  while (sampler.pending() > 0) sampler.step(1000);
  load.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return load;
}

// The same requests through the HTTP client alone: a fixed body out, the reply's body in, unread.
inline Load post_many(const std::string& base_url, int requests, int in_flight) {
  const std::string body =
      R"({"model":"bench","messages":[{"role":"user","content":"Mia has 20 apples. Leo has twice as many as Mia. How many apples does Leo have?"}],)"
      R"("stream":false,"max_tokens":64,"seed":1,"temperature":0.0,"top_p":1.0,"presence_penalty":0.0,"frequency_penalty":0.0})";
  HttpClient client({.max_connections = in_flight, .ca_bundle = ""});
  HttpTarget to;
  to.url = base_url + "/chat/completions";
  to.headers = {"Content-Type: application/json", "Accept:", "User-Agent: cope", "Authorization: Bearer bench"};
  const int target = client.add_target(to);
  Load load;
  int sent = 0;
  std::function<void()> next = [&] {
    ++sent;
    client.post(target, body, [&](const HttpReply& reply) {
      ++load.requests;
      if (reply.failure != HttpFailure::none || reply.status != 200) ++load.failed;
      if (sent < requests) next();
    });
  };
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < in_flight && sent < requests; ++i) next();
  while (client.in_flight() > 0) client.step(1000);
  load.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return load;
}

}  // namespace cope::bench
