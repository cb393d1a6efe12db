// The sampler's side of the budget: reserves before sending, settles after, and keeps those in line whom the cap refused.
//
//   purse.reserve(job, on_answer);  …  switch (purse.take_answer(job, reservation)) { case Answer::granted: send(job); … }
//   purse.settle(*job, billed_pusd);
//   while (JobPtr job = purse.next_in_line()) make_ready(job);      // after every settlement: money may have come back
//
// A refused job waits while this purse holds reservations, for each settlement gives back what the worst case had too much; when
// none is held, waiting cannot help.
//
// Thread-safety: owned by the sampler's thread; the store answers on its own.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "cope/sampler/job.h"
#include "cope/store/store.h"

namespace cope {

class Purse {
 public:
  enum class Answer : std::uint8_t { granted, waits, refused };

  explicit Purse(Store& store) : store_(store) {}

  // False where the job must wait its turn behind refused ones.
  bool may_ask(const Job& job) const { return line_.empty() || job.next_in_line; }
  void reserve(Job& job, std::function<void(Reservation)> on_answer);
  // Throws StoreError where the store failed.
  Answer take_answer(const JobPtr& job, const Reservation& reservation);

  // Ends the job's reservation, if it has one.
  void settle(Job& job, std::int64_t billed_pusd);
  // The same, for the caller to commit together with samples.
  std::optional<Settlement> take_settlement(Job& job, std::int64_t billed_pusd);

  // Whoever may ask again, since money came back or an answer is known; null where nobody.
  JobPtr next_in_line();
  void dismiss_line() { line_.clear(); }
  std::int64_t awaited() const { return reserving_; }  // answers that the store owes

 private:
  Store& store_;
  std::deque<JobPtr> line_;
  bool call_next_ = false;
  std::int64_t held_ = 0;       // granted and not settled
  std::int64_t reserving_ = 0;  // asked for and not answered
  std::int64_t settled_ = 0;    // settlements made so far
};

}  // namespace cope
