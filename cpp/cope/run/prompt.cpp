#include "cope/run/prompt.h"

namespace cope {

std::string render(std::string_view text, std::span<const Field> fields) {
  std::string result;
  result.reserve(text.size() + 256);
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t open = text.find('{', i);
    if (open == std::string_view::npos) break;
    result += text.substr(i, open - i);
    i = open;
    bool replaced = false;
    for (const auto& [name, value] : fields) {
      const std::size_t end = open + 1 + name.size();
      if (end < text.size() && text[end] == '}' && text.substr(open + 1, name.size()) == name) {
        result += value;
        i = end + 1;
        replaced = true;
        break;
      }
    }
    if (!replaced) {
      result.push_back('{');
      ++i;
    }
  }
  if (i < text.size()) result += text.substr(i);
  return result;
}

}  // namespace cope
