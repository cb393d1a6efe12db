// SHA-256 digests and what is derived from them: identities of samples, vote keys, seeds.
//
//   Digest id = sha256(canonical_json_text);     id.hex()  ->  "9f86d0…"
//   int64_t seed = derive_seed(run_seed, "p17", stage, draw, sample_index);
//
// Thread-safety: pure functions of their arguments.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace cope {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string hex() const;
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  auto operator<=>(const Digest&) const = default;
};

Digest sha256(std::string_view data);

// REQUIRES: text is 64 hexadecimal digits. Throws ConfigError otherwise.
Digest digest_from_hex(std::string_view text);

// The counter-based generator of every random choice: a seed in [1, 2^31 - 1] (every known server accepts that range)
// that depends on nothing but its arguments, so decisions are the same whatever the concurrency.
std::int64_t derive_seed(std::int64_t run_seed, std::string_view problem_id, int stage, int draw, int sample_index);

struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8 | digest.bytes[i];
    return value;
  }
};

}  // namespace cope
