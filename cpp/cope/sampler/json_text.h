// JSON written by hand where every request passes. Identities rest on it: strings are written byte for byte as nlohmann's serializer writes them (and Python's
// json.dumps with ensure_ascii=False), numbers as Python's repr writes them.
//
//   std::string out = "{\"model\":";
//   append_quoted(out, model);
//   append_number(out, 0.7);   // 0.7, 1.0, 1e-07: the shortest text that reads back as the same double, always a JSON float
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace cope {

// Never throws: each byte that belongs to no UTF-8 character becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text);

// REQUIRES: value is finite.
void append_number(std::string& out, double value);

}  // namespace cope
