// Extraction of programs from arbitrary bytes: the first line is the name that they should define.
#include "cope/answer/program.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\n');
  const std::string_view name = text.substr(0, end);
  const std::string_view reply = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  for (const std::string_view beginning : {std::string_view(), std::string_view("def f(x):\n")}) {
    const auto found = cope::answer::extract_program(reply, {.name = name, .beginning = beginning});
    // Each line may have gained its end and an indentation.
    if (found && found->size() > beginning.size() + 6 * reply.size() + 64) std::abort();
  }
  return 0;
}
