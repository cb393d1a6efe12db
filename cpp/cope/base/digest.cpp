#include "cope/base/digest.h"

#include <openssl/evp.h>

#include "cope/base/error.h"

namespace cope {

std::string Digest::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

Digest sha256(std::string_view data) {
  // Fetched once: OpenSSL looks an implementation up by name for every digest otherwise, which costs as much as the digest of a short text.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Digest digest;
  unsigned int size = 0;
  if (algorithm == nullptr ||
      EVP_Digest(data.data(), data.size(), digest.bytes.data(), &size, algorithm, nullptr) != 1 ||
      size != digest.bytes.size()) {
    throw Error("SHA-256 is not available from OpenSSL on this machine");
  }
  return digest;
}

Digest digest_from_hex(std::string_view text) {
  Digest digest;
  const auto nibble = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  bool ok = text.size() == 2 * digest.bytes.size();
  for (std::size_t i = 0; ok && i < digest.bytes.size(); ++i) {
    const int high = nibble(text[2 * i]);
    const int low = nibble(text[2 * i + 1]);
    ok = high >= 0 && low >= 0;
    if (ok) digest.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (!ok) throw ConfigError("expected 64 hexadecimal digits, got '" + std::string(text.substr(0, 80)) + "'");
  return digest;
}

std::int64_t derive_seed(std::int64_t run_seed, std::string_view problem_id, int stage, int draw, int sample_index) {
  // The id comes last: whatever it holds, no two argument lists give the same text.
  std::string key = std::to_string(run_seed) + '/' + std::to_string(stage) + '/' + std::to_string(draw) + '/' +
                    std::to_string(sample_index) + '/';
  key += problem_id;
  const Digest digest = sha256(key);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | digest.bytes[i];
  return static_cast<std::int64_t>(value % 2147483647U) + 1;
}

}  // namespace cope
