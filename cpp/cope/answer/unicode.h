// Unicode signs as the LaTeX commands or the ASCII that mean the same.
//
//   to_ascii("−½√2") == "-\\frac{1}{2}\\sqrt 2"
//
// Thread-safety: pure.
#pragma once

#include <string>
#include <string_view>

namespace cope::answer {

// Letters of other scripts stay as they are; invalid UTF-8 and control characters become '?'.
std::string to_ascii(std::string_view text);

// The bytes of the character at `i`; and, where it is a letter of another script, its bytes, else 0. REQUIRES: what to_ascii returned.
std::size_t character_length(std::string_view text, std::size_t i);
std::size_t letter_length(std::string_view text, std::size_t i);

}  // namespace cope::answer
