// Reading of arbitrary bytes: within its steps and nodes, and the same key twice.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cope/answer/limits.h"
#include "cope/answer/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cope::answer::limits;
  using cope::answer::Reading;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Reading reading(text);
  if (reading.key().empty() || reading.description().empty()) std::abort();
  if (reading.meter().used() > limits.steps || reading.tree().size() > 2 * limits.nodes) std::abort();
  if (Reading(text).key() != reading.key()) std::abort();
  return 0;
}
