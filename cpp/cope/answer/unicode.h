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

}  // namespace cope::answer
