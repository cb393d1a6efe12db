// The seccomp filters of a worker's processes, compiled by libseccomp: a list of what a Python program needs. Whatever else it calls ends it. A candidate is
// under two of them: the zygote's, which it inherits, and its own, which takes away what the zygote may do beyond.
//
//   const int fd = compiled_filter(Role::candidate);   // a memfd with the filter's code; the caller closes it
//
// Thread-safety: pure.
#pragma once

#include <cstdint>
#include <string>

namespace cope::sandbox {

enum class Role : std::uint8_t { zygote, candidate, judge };

// Throws ConfigError where libseccomp cannot compile for this machine.
int compiled_filter(Role role);

// "socket" for 41; the number where it has no name.
std::string system_call_name(int number);

}  // namespace cope::sandbox
