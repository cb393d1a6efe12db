#include "cope/base/money.h"

#include <string>

#include "cope/base/error.h"

namespace cope {

std::optional<std::int64_t> cost_pusd(const Price& price, const Usage& usage) {
  if (price.free()) return 0;
  if (!usage.known) return std::nullopt;
  const std::int64_t fresh = usage.prompt_tokens - usage.cached_prompt_tokens;
  const std::int64_t spoken = usage.completion_tokens - usage.reasoning_tokens;
  const std::int64_t terms[][2] = {{fresh, price.input_pusd},
                                   {usage.cached_prompt_tokens, price.cached_input_pusd},
                                   {spoken, price.output_pusd},
                                   {usage.reasoning_tokens, price.reasoning_pusd}};
  std::int64_t total = 0;
  for (const auto& [tokens, pusd] : terms) {
    std::int64_t part = 0;
    if (tokens < 0 || __builtin_mul_overflow(tokens, pusd, &part) || __builtin_add_overflow(total, part, &total)) {
      throw ConfigError("a usage of " + std::to_string(tokens) + " tokens at " + std::to_string(pusd) +
                        " pusd a token cannot be priced");
    }
  }
  return total;
}

}  // namespace cope
