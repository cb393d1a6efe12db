// The sampler's own bookkeeping: a wave is what the caller asked for, a job is one request for some of its samples.
//
// Thread-safety: owned by the sampler's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "cope/sampler/sampler.h"

namespace cope {

struct Wave {
  DrawRequest request;
  Sampler::Done done;
  std::vector<Digest> identities;
  std::vector<Sample> samples;
  std::size_t missing = 0;    // samples without a value yet
  std::vector<bool> settled;  // samples with one
  bool closed = false;        // called back, or about to be: later news is not for it
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
  bool next_in_line = false;  // was refused before, and money has come back since
  std::int64_t due_ms = 0;    // of a retry
  std::int64_t sent_ms = 0;
};
using JobPtr = std::shared_ptr<Job>;

struct LaterInLine {
  bool operator()(const JobPtr& a, const JobPtr& b) const {
    if (a->next_in_line != b->next_in_line) return b->next_in_line;
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
