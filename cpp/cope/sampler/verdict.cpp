#include "cope/sampler/verdict.h"

namespace cope {
namespace {

// Behind a gateway that gave up waiting, the model may have worked to the end.
bool gateway_lost_the_answer(int status) { return status == 502 || status == 504 || status == 520 || status == 524; }

void describe(const HttpReply& reply, const ChatFormat& format, Verdict& verdict) {
  ChatReply& chat = verdict.chat;
  chat.status = reply.status;
  std::string what;
  switch (reply.failure) {
    case HttpFailure::none:
      return;
    case HttpFailure::unreachable:
      chat.error = SampleError::connection;
      what = "cannot reach ";
      break;
    case HttpFailure::broken:
      chat.error = SampleError::connection;
      what = "no reply from ";
      break;
    case HttpFailure::timeout:
      chat.error = SampleError::timeout;
      what = "no whole reply in time from ";
      break;
    case HttpFailure::cut_off:
      chat.error = SampleError::malformed;
      what = "a reply cut off after " + std::to_string(reply.body.size()) + " bytes from ";
      break;
    case HttpFailure::too_large:
      chat.error = SampleError::too_large;
      what = "a reply far larger than max_tokens allows from ";
      break;
    case HttpFailure::not_http:
      chat.error = SampleError::malformed;
      what = "a reply that is not HTTP from ";
      break;
  }
  chat.error_message = what + format.printable_base_url() + ": " + reply.error;
}

}  // namespace

Verdict judge(HttpReply& reply, const ChatFormat& format, const Sampling& sampling, int asked) {
  Verdict verdict;
  const bool failed_by_status = reply.status >= 400 && reply.failure == HttpFailure::cut_off;
  if (reply.failure == HttpFailure::none || failed_by_status) {
    verdict.chat = format.read(reply.status, reply.body, sampling, asked);
    verdict.maybe_billed = verdict.chat.status < 300 || gateway_lost_the_answer(verdict.chat.status);
  } else {
    describe(reply, format, verdict);
    verdict.maybe_billed = reply.failure != HttpFailure::unreachable;
  }
  if (verdict.chat.error == SampleError::none) return verdict;
  verdict.failed.error = reply.failure == HttpFailure::cut_off && verdict.chat.error == SampleError::malformed
                             ? SampleError::connection  // a broken connection, however far the reply had come
                             : verdict.chat.error;
  verdict.failed.status = verdict.chat.status;
  verdict.failed.headers = reply.headers;
  verdict.failed.final = verdict.chat.final;
  return verdict;
}

}  // namespace cope
