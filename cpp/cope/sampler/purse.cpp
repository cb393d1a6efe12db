#include "cope/sampler/purse.h"

#include <utility>

#include "cope/base/error.h"

namespace cope {

void Purse::reserve(Job& job, std::function<void(Reservation)> on_answer) {
  ++reserving_;
  job.asked_after = settled_;
  store_.reserve(job.worst_pusd, std::move(on_answer));
}

Purse::Answer Purse::take_answer(const JobPtr& job, const Reservation& reservation) {
  --reserving_;
  const bool was_called = std::exchange(job->next_in_line, false);
  if (!reservation.error.empty()) throw StoreError(reservation.error);
  if (reservation.granted) {
    ++held_;
    job->reserved = true;
    job->reservation_id = reservation.id;
    call_next_ = call_next_ || was_called;  // there may be enough for one more
    return Answer::granted;
  }
  if (held_ + reserving_ == 0) {
    call_next_ =
        true;  // a smaller one may fit; or this one, where the store refused it before a settlement that followed
    if (job->asked_after == settled_) return Answer::refused;
  }
  if (was_called) {
    line_.push_front(job);
  } else {
    line_.push_back(job);
  }
  return Answer::waits;
}

void Purse::settle(Job& job, std::int64_t billed_pusd) {
  if (const auto settlement = take_settlement(job, billed_pusd)) store_.settle(*settlement);
}

std::optional<Settlement> Purse::take_settlement(Job& job, std::int64_t billed_pusd) {
  if (!std::exchange(job.reserved, false)) return std::nullopt;
  --held_;
  ++settled_;
  call_next_ = true;
  return Settlement{job.reservation_id, billed_pusd};
}

JobPtr Purse::next_in_line() {
  if (!call_next_ || line_.empty()) {
    call_next_ = false;
    return nullptr;
  }
  call_next_ = false;
  JobPtr job = std::move(line_.front());
  line_.pop_front();
  job->next_in_line = true;
  return job;
}

}  // namespace cope
