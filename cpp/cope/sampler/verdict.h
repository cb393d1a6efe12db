// What one HTTP reply means for the samples that it was to bring: choices, or an error, and whether it may have cost money.
//
//   Verdict verdict = judge(reply, format, sampling, /*asked=*/8);
//   verdict.chat.error == SampleError::none ? accept(verdict.chat) : retry_or_fail(verdict)
//
// Thread-safety: a pure function.
#pragma once

#include "cope/sampler/chat.h"
#include "cope/sampler/http_client.h"
#include "cope/sampler/retry.h"

namespace cope {

struct Verdict {
  ChatReply chat;
  FailedAttempt failed;       // for decide_retry(), where chat.error is set
  bool maybe_billed = false;  // the endpoint may have worked and charged for it
};

// Takes the reply's body.
Verdict judge(HttpReply& reply, const ChatFormat& format, const Sampling& sampling, int asked);

}  // namespace cope
