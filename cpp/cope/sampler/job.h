// The sampler's own bookkeeping: a wave is what the caller asked for, a job is one request for some of its samples.
//
// Thread-safety: owned by the sampler's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "cope/sampler/chat.h"
#include "cope/sampler/http_client.h"
#include "cope/sampler/sampler.h"

namespace cope {

struct Wave {
  DrawRequest request;
  Sampler::Done done;
  std::vector<Digest> identities;
  std::vector<Sample> samples;
  std::vector<bool> filled;  // samples that are there
  std::size_t missing = 0;
  bool closed = false;  // whole: what comes later is not for it

  // False where the sample was there already.
  bool fill(std::size_t position, Sample sample) {
    if (filled[position]) return false;
    filled[position] = true;
    samples[position] = std::move(sample);
    closed = --missing == 0;
    return true;
  }
};
using WavePtr = std::shared_ptr<Wave>;

struct Job {
  WavePtr wave;
  std::size_t first = 0;  // in the wave
  int n = 1;              // choices
  bool top_up = false;    // asks for a choice that an earlier reply left out
  int attempts = 0;
  std::int64_t number = 0;  // in order of creation; of the jitter, and among equal priorities
  std::int64_t priority = 0;
  std::int64_t worst_pusd = 0;
  std::int64_t reservation_id = 0;
  bool reserved = false;
  std::int64_t asked_after = 0;  // settlements, of the reservation asked for
  bool next_in_line = false;     // was refused before, and money has come back since
  std::int64_t due_ms = 0;       // of a retry
  std::int64_t sent_ms = 0;
};
using JobPtr = std::shared_ptr<Job>;

// How a failed request ended.
struct Refusal {
  int status_code = 0;
  std::string request_id;
  bool maybe_billed = false;
};

Sample drawn_sample(const Job& job, std::size_t position, ChatChoice& choice,
                    const HttpReply& reply);  // but for its cost
Sample failed_sample(const Job& job, std::size_t position, SampleError error, const std::string& message,
                     const Refusal& refusal);
Sample cancelled_sample(const Digest& identity);
Sample replayed_failure(const Digest& identity, const RecordedFailures& failures);

struct LaterInLine {
  bool operator()(const JobPtr& a, const JobPtr& b) const {
    // Who holds money goes first, for others may wait for what it gives back.
    const bool a_urgent = a->next_in_line || a->reserved;
    const bool b_urgent = b->next_in_line || b->reserved;
    if (a_urgent != b_urgent) return b_urgent;
    return a->priority != b->priority ? a->priority > b->priority : a->number > b->number;
  }
};
struct DueLater {
  bool operator()(const JobPtr& a, const JobPtr& b) const {
    return a->due_ms != b->due_ms ? a->due_ms > b->due_ms : a->number > b->number;
  }
};
using ReadyQueue = std::priority_queue<JobPtr, std::vector<JobPtr>, LaterInLine>;
using RetryQueue = std::priority_queue<JobPtr, std::vector<JobPtr>, DueLater>;

}  // namespace cope
