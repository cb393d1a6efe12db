#include "cope/answer/program.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace cope::answer {

namespace {

constexpr std::size_t most_blocks = 256;  // joining looks at pairs; a reply of more blocks is no answer

std::string_view left_trimmed(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : line.substr(first);
}

std::string_view right_trimmed(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : line.substr(0, last + 1);
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

// The identifier that a line begins with; may be empty.
std::string_view first_word(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() && is_word(line[end])) ++end;
  return end > 0 && line[0] >= '0' && line[0] <= '9' ? std::string_view() : line.substr(0, end);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(right_trimmed(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

// Nothing where the thoughts have no end.
std::optional<std::string_view> after_thoughts(std::string_view text) {
  constexpr std::string_view opening = "<think>";
  constexpr std::string_view closing = "</think>";
  if (const std::size_t end = text.rfind(closing); end != std::string_view::npos)
    return text.substr(end + closing.size());
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text.substr(first).starts_with(opening)) return std::nullopt;
  return text;
}

// --- what a line of Python looks like -----------------------------------------------------------

enum class Line : std::uint8_t { blank, inner, definition, statement, comment, prose };

template <std::size_t n>
bool one_of(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::ranges::find(words, word) != words.end();
}

// Whether the line, of which `word` has been read, goes on as an assignment: `x = `, `x: int = `, `x, y = `, `x += `.
bool assigns(std::string_view line) {
  std::size_t i = 0;
  while (i < line.size() &&
         (is_word(line[i]) || line[i] == ',' || line[i] == ' ' || line[i] == '.' || line[i] == '[' || line[i] == ']' ||
          line[i] == '\'' || line[i] == '"' || line[i] == ':' || line[i] == '(' || line[i] == ')'))
    ++i;
  if (i < line.size() && std::string_view("+-*/%|&^@").find(line[i]) != std::string_view::npos) {
    ++i;
    if (i < line.size() && (line[i] == '/' || line[i] == '*')) ++i;
  }
  if (i >= line.size() || line[i] != '=' || (i + 1 < line.size() && line[i + 1] == '=')) return false;
  // "The answer x = 5": a name is one word, or several with commas between them.
  const std::string_view left = right_trimmed(line.substr(0, i));
  const std::size_t gap = left.find(' ');
  return gap == std::string_view::npos || left.find(',') < gap || left.find(':') < gap || left.find('[') < gap ||
         left.substr(gap + 1).find_first_not_of("+-*/%|&^@") == std::string_view::npos;
}

Line kind_of(std::string_view line) {
  constexpr std::array<std::string_view, 2> definers{"def", "class"};
  constexpr std::array<std::string_view, 9> blocks{"if",   "for",  "while",  "try",    "with",
                                                   "else", "elif", "except", "finally"};
  constexpr std::array<std::string_view, 9> statements{"return", "pass",   "break",    "continue", "raise",
                                                       "assert", "global", "nonlocal", "del"};
  if (line.empty()) return Line::blank;
  if (line[0] == ' ' || line[0] == '\t') return Line::inner;
  if (line[0] == '#') return Line::comment;
  if (line[0] == '@') return Line::definition;
  if (line[0] == ')' || line[0] == ']' || line[0] == '}') return Line::inner;
  const std::string_view word = first_word(line);
  const std::string_view rest = left_trimmed(line.substr(word.size()));
  if (word.empty()) return line.starts_with("\"\"\"") || line.starts_with("'''") ? Line::comment : Line::prose;
  if (one_of(word, definers))
    return line.find_first_of("(:") != std::string_view::npos ? Line::definition : Line::prose;
  if (word == "async") return rest.starts_with("def ") ? Line::definition : Line::statement;
  if (word == "import") return first_word(rest).empty() ? Line::prose : Line::definition;
  if (word == "from") return line.find(" import ") != std::string_view::npos ? Line::definition : Line::prose;
  if (one_of(word, blocks))
    return line.find_first_of(":()[]=<>") != std::string_view::npos ? Line::statement : Line::prose;
  if (one_of(word, statements)) return Line::statement;
  if (assigns(line)) return Line::statement;
  // "a * b = c" is no Python, but it is what the model wrote: a program with it fails, and one without it would be ours.
  if (!rest.empty() && std::string_view("+-*/%<>=&|^").find(rest[0]) != std::string_view::npos &&
      line.find('=') != std::string_view::npos)
    return Line::statement;
  // A call, a subscript or an attribute: nothing stands between the name and its bracket.
  const char next = line.size() > word.size() ? line[word.size()] : ' ';
  if (next == '(' || next == '[')
    return line.find_first_of(")]") != std::string_view::npos || line.ends_with('(') || line.ends_with(',') ||
                   line.ends_with('[')
               ? Line::statement
               : Line::prose;
  if (next == '.' && line.size() > word.size() + 1 && is_word(line[word.size() + 1]) && line.ends_with(')'))
    return Line::statement;
  return Line::prose;
}

// Does the line end within a triple-quoted string? `inside` is the quote that is open before it (0: none).
char triple_quote_after(std::string_view line, char inside) {
  for (std::size_t i = 0; i + 2 < line.size(); ++i) {
    const char c = line[i];
    if (inside == 0 && c == '#') return inside;
    if ((c == '"' || c == '\'') && line[i + 1] == c && line[i + 2] == c && (inside == 0 || inside == c)) {
      inside = inside == 0 ? c : '\0';
      i += 2;
    } else if (c == '\\') {
      ++i;
    }
  }
  return inside;
}

// --- candidates ---------------------------------------------------------------------------------

struct Block {
  std::string code;
  bool definitions_only = true;
};

std::string joined(const std::vector<std::string_view>& lines) {
  std::string code;
  for (const std::string_view line : lines) {
    code += line;
    code += '\n';
  }
  return code;
}

bool holds_definitions_only(const std::vector<std::string_view>& lines) {
  char quote = 0;
  for (const std::string_view line : lines) {
    const Line kind = quote != 0 ? Line::inner : kind_of(line);
    quote = triple_quote_after(line, quote);
    if (kind == Line::statement && !assigns(line)) return false;
    if (kind == Line::prose) return false;
  }
  return true;
}

void add_block(std::vector<std::string_view> lines, std::vector<Block>& blocks) {
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  const auto first = std::ranges::find_if(lines, [](std::string_view line) { return !line.empty(); });
  lines.erase(lines.begin(), first);
  if (lines.empty() || left_trimmed(lines.front()).starts_with(">>>") || blocks.size() == most_blocks) return;
  blocks.push_back(Block{joined(lines), holds_definitions_only(lines)});
}

struct Fence {
  char mark = 0;
  std::size_t length = 0;
  std::size_t indent = 0;
  bool python = false;
};

bool is_python(std::string_view info) {
  std::string word;
  for (const char c : info) {
    if (c == ' ' || c == '\t' || c == '{' || c == ',' || c == ':') break;
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  constexpr std::array<std::string_view, 5> names{"python", "py", "python3", "py3", "ipython"};
  return word.empty() || one_of(std::string_view(word), names);
}

// A line that opens a block: the fence first, or at the end of a sentence ("Here it is:```python").
std::optional<Fence> opening(std::string_view line) {
  const std::string_view body = left_trimmed(line);
  Fence fence;
  fence.indent = line.size() - body.size();
  if (body.starts_with("```") || body.starts_with("~~~")) {
    fence.mark = body[0];
    fence.length = std::min(body.find_first_not_of(fence.mark), body.size());
    const std::string_view info = left_trimmed(body.substr(fence.length));
    if (fence.mark == '`' && info.find('`') != std::string_view::npos) return std::nullopt;  // code within a sentence
    fence.python = is_python(info);
    return fence;
  }
  for (const std::string_view tail : {"```python", "```py"}) {
    if (line.ends_with(tail)) return Fence{'`', 3, 0, true};
  }
  return std::nullopt;
}

bool closes(std::string_view line, const Fence& fence) {
  const std::string_view body = left_trimmed(line);
  return body.size() >= fence.length && body.find_first_not_of(fence.mark) == std::string_view::npos;
}

std::string_view without_indent(std::string_view line, std::size_t indent) {
  std::size_t taken = 0;
  while (taken < indent && taken < line.size() && (line[taken] == ' ' || line[taken] == '\t')) ++taken;
  return line.substr(taken);
}

// The fenced blocks of Python; `any`: whether there is a fence at all.
std::vector<Block> fenced(const std::vector<std::string_view>& lines, bool& any) {
  std::vector<Block> blocks;
  std::optional<Fence> open;
  std::vector<std::string_view> inside;
  const auto close = [&] {
    if (open->python) add_block(std::move(inside), blocks);
    inside.clear();
    open.reset();
  };
  for (const std::string_view line : lines) {
    if (!open) {
      open = opening(line);
      any = any || open.has_value();
    } else if (closes(line, *open)) {
      close();
    } else {
      inside.push_back(without_indent(line, open->indent));
    }
  }
  if (open) close();  // cut off, or the model forgot
  return blocks;
}

// The runs of lines that look like Python, between prose.
std::vector<Block> runs(const std::vector<std::string_view>& lines) {
  std::vector<Block> blocks;
  std::vector<std::string_view> run;
  bool code = false;  // the run holds more than comments
  char quote = 0;
  const auto close = [&] {
    if (code) add_block(std::move(run), blocks);
    run.clear();
    code = false;
    quote = 0;
  };
  for (const std::string_view line : lines) {
    const Line kind = quote != 0 ? Line::inner : kind_of(line);
    if (kind == Line::prose || (run.empty() && (kind == Line::inner || kind == Line::blank))) {
      close();
      continue;
    }
    code = code || kind == Line::definition || kind == Line::statement;
    run.push_back(line);
    quote = triple_quote_after(line, quote);
  }
  close();
  return blocks;
}

// --- choice -------------------------------------------------------------------------------------

// Whether a line at the margin defines the name.
bool defines(std::string_view code, std::string_view name) {
  if (name.empty()) return false;
  for (const std::string_view line : lines_of(code)) {
    std::string_view rest = line;
    for (const std::string_view word : {"async ", "def ", "class "}) {
      if (rest.starts_with(word)) rest = left_trimmed(rest.substr(word.size()));
    }
    if (!rest.starts_with(name)) continue;
    const std::string_view after = left_trimmed(rest.substr(name.size()));
    if (rest.size() != line.size()) {
      if (after.starts_with('(') || after.starts_with(':') || after.starts_with('[')) return true;
    } else if ((after.starts_with('=') && !after.starts_with("==")) || after.starts_with(':')) {
      return true;
    }
  }
  return false;
}

// The names that `def` and `class` at the margin define.
std::set<std::string_view> defined(std::string_view code) {
  std::set<std::string_view> names;
  for (std::string_view line : lines_of(code)) {
    if (line.starts_with("async ")) line = left_trimmed(line.substr(6));
    for (const std::string_view word : {"def ", "class "}) {
      if (line.starts_with(word)) names.insert(first_word(left_trimmed(line.substr(word.size()))));
    }
  }
  return names;
}

std::string with_helpers(const std::vector<Block>& blocks, std::size_t chosen, std::string_view name) {
  std::set<std::string_view> taken = defined(blocks[chosen].code);
  std::vector<std::size_t> helpers;
  for (std::size_t i = chosen; i-- > 0;) {
    const std::set<std::string_view> names = defined(blocks[i].code);
    const bool again = std::ranges::any_of(names, [&](std::string_view each) { return taken.contains(each); });
    if (!blocks[i].definitions_only || again || defines(blocks[i].code, name)) continue;
    helpers.push_back(i);
    taken.insert(names.begin(), names.end());
  }
  std::string code;
  for (std::size_t i = helpers.size(); i-- > 0;) code += blocks[helpers[i]].code + "\n";
  return code + blocks[chosen].code;
}

// The body that goes on from the beginning: lines up to the first one at the margin that is no definition.
std::string continued(std::string_view beginning, const std::vector<std::string_view>& lines) {
  std::string code(beginning);
  if (!code.ends_with('\n')) code += '\n';
  const auto first = std::ranges::find_if(lines, [](std::string_view line) { return !line.empty(); });
  const bool flat = first != lines.end() && first->find_first_of(" \t") != 0;
  char quote = 0;
  for (auto line = first; line != lines.end(); ++line) {
    const Line kind = quote != 0 ? Line::inner : kind_of(*line);
    if (kind == Line::prose || (!flat && (kind == Line::statement || kind == Line::comment))) break;
    quote = triple_quote_after(*line, quote);
    if (flat && !line->empty()) code += "    ";
    code += *line;
    code += '\n';
  }
  return code;
}

}  // namespace

std::optional<std::string> extract_program(std::string_view text, const ProgramShape& shape) {
  const std::optional<std::string_view> reply = after_thoughts(text);
  if (!reply) return std::nullopt;
  const std::vector<std::string_view> lines = lines_of(*reply);
  bool any_fence = false;
  std::vector<Block> blocks = fenced(lines, any_fence);
  if (!any_fence) blocks = runs(lines);
  if (any_fence && blocks.empty()) return std::nullopt;

  for (std::size_t i = blocks.size(); i-- > 0;) {
    if (defines(blocks[i].code, shape.name)) return with_helpers(blocks, i, shape.name);
  }
  if (!shape.beginning.empty()) {
    const std::vector<std::string_view> body = any_fence ? lines_of(blocks.back().code) : lines;
    std::string code = continued(shape.beginning, body);
    if (code.size() > shape.beginning.size() + 1) return code;
  }
  if (blocks.empty()) return std::nullopt;
  return with_helpers(blocks, blocks.size() - 1, shape.name);
}

}  // namespace cope::answer
