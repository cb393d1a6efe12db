// Money in integers: 1 pusd = 10^-12 USD, exact for every published price per token; int64 reaches 9.2 million USD.
//
//   Price price{.input_pusd = 150'000, .cached_input_pusd = 150'000, .output_pusd = 600'000};   // 0.15 / 0.60 USD per million tokens
//   std::optional<std::int64_t> cost = cost_pusd(price, usage);
//
// Thread-safety: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>

namespace cope {

inline constexpr std::int64_t pusd_per_usd = 1'000'000'000'000;

// Per token. Reasoning tokens are part of the completion tokens and cost `output_pusd` unless priced apart.
struct Price {
  std::int64_t input_pusd = 0;
  std::int64_t cached_input_pusd = 0;
  std::int64_t output_pusd = 0;
  std::int64_t reasoning_pusd = 0;

  bool free() const { return input_pusd == 0 && cached_input_pusd == 0 && output_pusd == 0 && reasoning_pusd == 0; }
  bool operator==(const Price&) const = default;
};

// Tokens of one reply or of one sample. `cached_prompt_tokens` is part of `prompt_tokens`, `reasoning_tokens` part of `completion_tokens`.
// `known` is false where the reply carried no usage; `estimated` where a count had to be reconciled (endpoints.md: n > 1).
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  bool known = false;
  bool estimated = false;

  bool operator==(const Usage&) const = default;
};

// None where the usage is unknown and the price is not zero: a cost is never invented.
// Throws ConfigError when the product leaves int64.
std::optional<std::int64_t> cost_pusd(const Price& price, const Usage& usage);

}  // namespace cope
