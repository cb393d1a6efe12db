#include "cope/sampler/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace cope {
namespace {

constexpr std::string_view hidden = "[redacted]";

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '*' || c == '+' ||
         c == '/' || c == '=' || c == '~';
}

bool matches_at(std::string_view text, std::size_t at, std::string_view lower_word) {
  if (text.size() - at < lower_word.size()) return false;
  for (std::size_t i = 0; i < lower_word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[at + i])) != lower_word[i]) return false;
  }
  return true;
}

std::string_view without_scheme(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(scheme + 3);
}

}  // namespace

void hide_key(std::string& text, const Secret& key) {
  constexpr std::size_t shortest = 16;
  const std::string& word = key.reveal();
  if (word.size() < shortest) return;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
    text.replace(at, word.size(), hidden);
    at += hidden.size();
  }
}

std::string usd_text(std::int64_t pusd) {
  std::string fraction = std::to_string(pusd_per_usd + pusd % pusd_per_usd).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(pusd / pusd_per_usd) + (fraction.empty() ? "" : "." + fraction);
}

std::string redact(std::string_view text, const Secret& key) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (!key.empty() && text.substr(i).starts_with(key.reveal())) {
      out += hidden;
      i += key.reveal().size();
      continue;
    }
    const bool word_starts = i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0;
    std::size_t from = 0;  // where a key might begin; 0: nowhere
    if (word_starts && matches_at(text, i, "bearer")) {
      from = i + 6;
      while (from < text.size() && (text[from] == ' ' || text[from] == ':' || text[from] == '\t')) ++from;
      if (from == i + 6) from = 0;
    } else if (word_starts && matches_at(text, i, "sk-")) {
      from = i;
    }
    std::size_t to = from;
    if (from != 0 || (word_starts && matches_at(text, i, "sk-"))) {
      while (to < text.size() && is_key_character(text[to])) ++to;
      if (to - from >= 8) {
        out += text.substr(i, from - i);
        out += hidden;
        i = to;
        continue;
      }
    }
    out += text[i++];
  }
  return out;
}

std::string one_line(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte <= ' ' || byte == 0x7F) {
      if (!out.empty() && out.back() != ' ') out += ' ';
      ++i;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(i));
    const std::string_view piece = length == 0 ? replacement_character : text.substr(i, length);
    if (out.size() + piece.size() + 3 > limit) return out + "\xE2\x80\xA6";
    out += piece;
    i += std::max<std::size_t>(length, 1);
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  std::uint8_t lowest = 0x80;
  std::uint8_t highest = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) lowest = 0xA0;
    if (first == 0xED) highest = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) lowest = 0x90;
    if (first == 0xF4) highest = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? replacement_character : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string printable_url(std::string_view url) {
  std::string out(url.substr(0, url.find_first_of("?#")));
  const std::size_t scheme = out.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = out.substr(begin, out.find('/', begin) - begin).rfind('@');
  if (at != std::string::npos) out.erase(begin, at + 1);
  return one_line(out);
}

bool is_loopback_url(std::string_view url) {
  std::string_view authority = without_scheme(url);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  authority = authority.substr(authority.rfind('@') == std::string_view::npos ? 0 : authority.rfind('@') + 1);
  if (authority.starts_with("[::1]")) return true;
  const std::string_view host = authority.substr(0, authority.find(':'));
  if (host.size() == 9 && matches_at(host, 0, "localhost")) return true;
  const bool digits = std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return digits && host.starts_with("127.");
}

}  // namespace cope
