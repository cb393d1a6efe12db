// What the two halves of the preloaded library share: confine.cpp confines, zygote.cpp forks and ends what is confined.
//
// Thread-safety: for processes of one thread.
#pragma once

#include <sys/types.h>

namespace cope::sandbox {

// Of one candidate, in the order in which the judge's message has them.
struct CandidateLimits {
  long long memory_bytes, cpu_s, file_bytes;
  long long frozen_unix_s;  // negative: a clock that runs
};

constexpr int channel_fd = 3;  // of a candidate: where it reports to its judge

pid_t forked();  // the C library's fork()

// Of the calling process, for good; what cannot be confined ends at once.
void confine_zygote();
void confine_candidate(const CandidateLimits& limits);

// Serves the judge at `orders` until there is something for the interpreter to do. Returns 0 in each candidate, which is confined by then; in the zygote
// `to_load` (a message that names modules waits), `to_tidy` (there are directories to remove), or -1 (the judge has hung up).
constexpr pid_t to_load = 1, to_tidy = 2;
pid_t serve(int orders, int directory);

// The numbers of a text, separated by blanks; false where there are fewer.
bool read_numbers(const char* text, long long* numbers, int count);

}  // namespace cope::sandbox
