#include "cope/sampler/job.h"

#include <chrono>

namespace cope {
namespace {

Sample blank_sample(const Job& job, std::size_t position) {
  using namespace std::chrono;
  Sample sample;
  sample.identity = job.wave->identities[position];
  sample.attempts = job.attempts;
  sample.created_unix_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  return sample;
}

}  // namespace

Sample drawn_sample(const Job& job, std::size_t position, ChatChoice& choice, const HttpReply& reply) {
  Sample sample = blank_sample(job, position);
  sample.text = std::move(choice.text);
  sample.reasoning = std::move(choice.reasoning);
  sample.finish_reason = std::move(choice.finish_reason);
  sample.error = choice.error;
  sample.error_message = std::move(choice.error_message);
  sample.status_code = reply.status;
  sample.request_id = reply.headers.request_id;
  sample.usage = choice.usage;
  sample.mean_logprob = choice.mean_logprob;
  sample.logprob_tokens = choice.logprob_tokens;
  sample.latency_ms = reply.latency_ms;
  return sample;
}

Sample failed_sample(const Job& job, std::size_t position, SampleError error, const std::string& message,
                     const Refusal& refusal) {
  Sample sample = blank_sample(job, position);
  sample.error = error;
  sample.error_message = message;
  sample.status_code = refusal.status_code;
  sample.request_id = refusal.request_id;
  // Nobody knows what it cost; the whole request is the first sample's account, like its prompt.
  if (refusal.maybe_billed && job.worst_pusd > 0 && position == job.first) sample.cost_pusd = std::nullopt;
  return sample;
}

Sample cancelled_sample(const Digest& identity) {
  Sample sample;
  sample.identity = identity;
  sample.error = SampleError::cancelled;
  sample.error_message = "cancelled before the reply";
  sample.attempts = 0;
  return sample;
}

Sample replayed_failure(const Digest& identity, const RecordedFailures& failures) {
  Sample sample;
  sample.identity = identity;
  const auto known = failures.find(identity);
  const RecordedFailure failure = known == failures.end() ? RecordedFailure{} : known->second;
  sample.error = failure.error;
  sample.error_message = known == failures.end() ? "the recording has no such sample" : failure.message;
  sample.attempts = 0;
  return sample;
}

}  // namespace cope
