#include "cope/answer/unicode.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

#include "cope/answer/chars.h"

namespace cope::answer {

namespace {

struct Sign {
  std::uint32_t code;
  const char* ascii;
};

// Sorted by code point.
constexpr Sign signs[] = {
    {0xA0, " "},
    {0xA2, " cents "},
    {0xA3, "\\pounds "},
    {0xA5, "\\yen "},
    {0xAD, ""},
    {0xB0, "^\\circ "},
    {0xB1, "\\pm "},
    {0xB2, "^{2}"},
    {0xB3, "^{3}"},
    {0xB5, "\\mu "},
    {0xB7, "\\cdot "},
    {0xB9, "^{1}"},
    {0xBC, "\\frac{1}{4}"},
    {0xBD, "\\frac{1}{2}"},
    {0xBE, "\\frac{3}{4}"},
    {0xD7, "\\times "},
    {0xF7, "\\div "},
    {0x391, "\\Alpha "},
    {0x393, "\\Gamma "},
    {0x394, "\\Delta "},
    {0x398, "\\Theta "},
    {0x39B, "\\Lambda "},
    {0x39E, "\\Xi "},
    {0x3A0, "\\Pi "},
    {0x3A3, "\\Sigma "},
    {0x3A6, "\\Phi "},
    {0x3A8, "\\Psi "},
    {0x3A9, "\\Omega "},
    {0x3B1, "\\alpha "},
    {0x3B2, "\\beta "},
    {0x3B3, "\\gamma "},
    {0x3B4, "\\delta "},
    {0x3B5, "\\epsilon "},
    {0x3B6, "\\zeta "},
    {0x3B7, "\\eta "},
    {0x3B8, "\\theta "},
    {0x3B9, "\\iota "},
    {0x3BA, "\\kappa "},
    {0x3BB, "\\lambda "},
    {0x3BC, "\\mu "},
    {0x3BD, "\\nu "},
    {0x3BE, "\\xi "},
    {0x3C0, "\\pi "},
    {0x3C1, "\\rho "},
    {0x3C3, "\\sigma "},
    {0x3C4, "\\tau "},
    {0x3C6, "\\phi "},
    {0x3C7, "\\chi "},
    {0x3C8, "\\psi "},
    {0x3C9, "\\omega "},
    {0x3D5, "\\phi "},
    {0x2002, " "},
    {0x2003, " "},
    {0x2004, " "},
    {0x2005, " "},
    {0x2006, " "},
    {0x2007, " "},
    {0x2008, " "},
    {0x2009, "\\,"},
    {0x200A, " "},
    {0x200B, ""},
    {0x200C, ""},
    {0x200D, ""},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "-"},
    {0x2014, "-"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201C, "\""},
    {0x201D, "\""},
    {0x2022, "\\cdot "},
    {0x2026, "\\dots "},
    {0x202F, "\\,"},
    {0x2032, "'"},
    {0x2033, "''"},
    {0x2043, "-"},
    {0x2044, "/"},
    {0x2061, ""},
    {0x2062, ""},
    {0x2070, "^{0}"},
    {0x2071, "^{i}"},
    {0x2074, "^{4}"},
    {0x2075, "^{5}"},
    {0x2076, "^{6}"},
    {0x2077, "^{7}"},
    {0x2078, "^{8}"},
    {0x2079, "^{9}"},
    {0x207A, "^{+}"},
    {0x207B, "^{-}"},
    {0x207F, "^{n}"},
    {0x2080, "_{0}"},
    {0x2081, "_{1}"},
    {0x2082, "_{2}"},
    {0x2083, "_{3}"},
    {0x2084, "_{4}"},
    {0x2085, "_{5}"},
    {0x2086, "_{6}"},
    {0x2087, "_{7}"},
    {0x2088, "_{8}"},
    {0x2089, "_{9}"},
    {0x20AC, "\\euro "},
    {0x2102, "\\mathbb{C}"},
    {0x210E, "h"},
    {0x2115, "\\mathbb{N}"},
    {0x211A, "\\mathbb{Q}"},
    {0x211D, "\\mathbb{R}"},
    {0x2124, "\\mathbb{Z}"},
    {0x2150, "\\frac{1}{7}"},
    {0x2151, "\\frac{1}{9}"},
    {0x2152, "\\frac{1}{10}"},
    {0x2153, "\\frac{1}{3}"},
    {0x2154, "\\frac{2}{3}"},
    {0x2155, "\\frac{1}{5}"},
    {0x2156, "\\frac{2}{5}"},
    {0x2157, "\\frac{3}{5}"},
    {0x2158, "\\frac{4}{5}"},
    {0x2159, "\\frac{1}{6}"},
    {0x215A, "\\frac{5}{6}"},
    {0x215B, "\\frac{1}{8}"},
    {0x215C, "\\frac{3}{8}"},
    {0x215D, "\\frac{5}{8}"},
    {0x215E, "\\frac{7}{8}"},
    {0x2190, "\\leftarrow "},
    {0x2192, "\\to "},
    {0x21D2, "\\Rightarrow "},
    {0x2205, "\\emptyset "},
    {0x2208, "\\in "},
    {0x2211, "\\sum "},
    {0x2212, "-"},
    {0x2213, "\\mp "},
    {0x2215, "/"},
    {0x2216, "\\setminus "},
    {0x2217, "*"},
    {0x2218, "\\circ "},
    {0x2219, "\\cdot "},
    {0x221A, "\\sqrt "},
    {0x221B, "\\sqrt[3]"},
    {0x221E, "\\infty "},
    {0x2220, "\\angle "},
    {0x2223, "|"},
    {0x2227, " and "},
    {0x2228, " or "},
    {0x2229, "\\cap "},
    {0x222A, "\\cup "},
    {0x222B, "\\int "},
    {0x2234, ""},
    {0x2236, ":"},
    {0x2243, "\\approx "},
    {0x2245, "\\approx "},
    {0x2248, "\\approx "},
    {0x2260, "\\neq "},
    {0x2261, "\\equiv "},
    {0x2264, "\\le "},
    {0x2265, "\\ge "},
    {0x2266, "\\le "},
    {0x2267, "\\ge "},
    {0x2282, "\\subset "},
    {0x22C2, "\\cap "},
    {0x22C3, "\\cup "},
    {0x22C5, "\\cdot "},
    {0x2308, "\\lceil "},
    {0x2309, "\\rceil "},
    {0x230A, "\\lfloor "},
    {0x230B, "\\rfloor "},
    {0x25B3, "\\triangle "},
    {0x27E8, "\\langle "},
    {0x27E9, "\\rangle "},
    {0x2A2F, "\\times "},
    {0x2A7D, "\\le "},
    {0x2A7E, "\\ge "},
    {0x3001, ","},
    {0x3002, "."},
    {0xFE63, "-"},
    {0xFEFF, ""},
    {0xFF05, "%"},
    {0xFF08, "("},
    {0xFF09, ")"},
    {0xFF0A, "*"},
    {0xFF0B, "+"},
    {0xFF0C, ","},
    {0xFF0D, "-"},
    {0xFF0E, "."},
    {0xFF0F, "/"},
    {0xFF1A, ":"},
    {0xFF1B, ";"},
    {0xFF1C, "<"},
    {0xFF1D, "="},
    {0xFF1E, ">"},
    {0xFF3B, "["},
    {0xFF3D, "]"},
    {0xFF5B, "\\{"},
    {0xFF5D, "\\}"},
    {0x1D6D1, "\\pi "},
    {0x1D70B, "\\pi "},
    {0x1D745, "\\pi "},
};

static_assert(std::is_sorted(std::begin(signs), std::end(signs),
                             [](const Sign& a, const Sign& b) { return a.code < b.code; }));

// Decodes one code point at `i` and moves past it; 0 where the bytes are no UTF-8.
std::uint32_t decode(std::string_view text, std::size_t& i) {
  const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
  const std::uint32_t head = byte(i);
  const std::size_t length = head >= 0xF0 && head < 0xF5   ? 4
                             : head >= 0xE0 && head < 0xF0 ? 3
                             : head >= 0xC2 && head < 0xE0 ? 2
                                                           : 0;
  if (length == 0 || i + length > text.size()) {
    ++i;
    return 0;
  }
  std::uint32_t code = head & (0xFFU >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0U) != 0x80U) {
      ++i;
      return 0;
    }
    code = code << 6U | (byte(i + k) & 0x3FU);
  }
  i += length;
  return code;
}

}  // namespace

std::size_t character_length(std::string_view text, std::size_t i) {
  const std::size_t start = i;
  (void)decode(text, i);
  return std::max<std::size_t>(i - start, 1);
}

std::size_t letter_length(std::string_view text, std::size_t i) {
  if (static_cast<unsigned char>(text[i]) < 0x80) return 0;
  const std::size_t start = i;
  const std::uint32_t code = decode(text, i);
  const bool letter = (code >= 0xC0 && code < 0x250) || (code >= 0x370 && code < 0x2000) ||
                      (code >= 0x3041 && code < 0xD800) || (code >= 0xF900 && code < 0xFB00) ||
                      (code >= 0x20000 && code < 0x40000);
  return letter ? i - start : 0;
}

std::string to_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char raised = 0;  // '^' or '_' where the sign before was one above or below the line
  for (std::size_t i = 0; i < text.size();) {
    const char before = std::exchange(raised, '\0');
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      out.push_back(c < 0x20 && !is_space(text[i]) ? '?' : text[i]);
      ++i;
      continue;
    }
    const std::size_t start = i;
    const std::uint32_t code = decode(text, i);
    const auto* const found = std::ranges::lower_bound(signs, code, {}, &Sign::code);
    if (found != std::end(signs) && found->code == code) {
      const std::string_view ascii = found->ascii;
      if (ascii.ends_with('}') && (ascii.starts_with("^{") || ascii.starts_with("_{"))) raised = ascii[0];
      if (raised != 0 && raised == before) {  // 2\u00B9\u2070 is 2^{10}
        out.pop_back();
        out += ascii.substr(2);
      } else {
        out += ascii;
      }
    } else if (code >= 0x1D400 && code <= 0x1D6A3) {  // letters of mathematics: bold, italic, script
      const std::uint32_t letter = (code - 0x1D400) % 52;
      out.push_back(static_cast<char>(letter < 26 ? 'A' + letter : 'a' + (letter - 26)));
    } else if (code >= 0x1D7CE && code <= 0x1D7FF) {
      out.push_back(static_cast<char>('0' + (code - 0x1D7CE) % 10));
    } else if (code >= 0xFF10 && code <= 0xFF19) {
      out.push_back(static_cast<char>('0' + (code - 0xFF10)));
    } else if (code == 0) {
      out.push_back('?');
    } else {
      out += text.substr(start, i - start);  // letters of other scripts stay as they are
    }
  }
  return out;
}

}  // namespace cope::answer
