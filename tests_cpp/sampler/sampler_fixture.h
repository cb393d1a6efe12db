// What the sampler's tests share: an endpoint at a loopback server, requests, and running a sampler until everything is called back.
#pragma once

#include <string>
#include <vector>

#include "cope/sampler/sampler.h"
#include "sampler/fake_store.h"
#include "sampler/loopback_server.h"

namespace cope::test {

inline Endpoint endpoint_at(const std::string& base_url) {
  Endpoint endpoint;
  endpoint.model = "tiny";
  endpoint.base_url = base_url;
  endpoint.stable_name = "tiny-1";
  endpoint.api_key = Secret("key-that-must-never-show");
  endpoint.price = Price{};
  endpoint.max_retries = 0;
  endpoint.timeout_ms = 30'000;
  return endpoint;
}

inline Price paid() { return {.input_pusd = 10, .cached_input_pusd = 5, .output_pusd = 100, .reasoning_pusd = 100}; }

inline DrawRequest request_of(int samples, std::int64_t first_seed = 1) {
  DrawRequest request;
  request.messages = {{"user", "What is 2 + 2?"}};
  request.sampling.max_tokens = 20;
  for (int i = 0; i < samples; ++i) request.seeds.push_back(first_seed + i);
  return request;
}

inline void run_until_done(Sampler& sampler) {
  while (sampler.pending() > 0) sampler.step(1000);
}

inline std::vector<Sample> draw_one(Sampler& sampler, const DrawRequest& request) {
  std::vector<Sample> result;
  sampler.draw(request, [&](std::vector<Sample> samples) { result = std::move(samples); });
  run_until_done(sampler);
  return result;
}

// A server with one answer for all.
inline LoopbackServer::Handler always(LoopbackServer::Reply reply) {
  return [reply](const LoopbackServer::Request&) { return reply; };
}

inline LoopbackServer::Reply echo(const LoopbackServer::Request& request) {
  return http_reply(200, echo_json(request));
}

}  // namespace cope::test
