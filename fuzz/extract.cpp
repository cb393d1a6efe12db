// Extraction of every kind from arbitrary bytes: what it returns is part of the text, or joins parts of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cope/answer/kinds.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cope::answer::Kind;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Kind kind :
       {Kind::math, Kind::number, Kind::choice, Kind::date, Kind::text, Kind::output, Kind::automatic}) {
    const auto found = cope::answer::extract(text, kind);
    if (found && found->size() > text.size() + 64) std::abort();
  }
  return 0;
}
