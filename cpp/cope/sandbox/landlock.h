// Landlock's system calls and rights, as far as ABI 6. Written out here, because the kernel that runs the sandbox may be newer than the headers that it was
// compiled with.
//
// Thread-safety: constants and values.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace cope::landlock {

constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;
constexpr unsigned rule_path_beneath = 1;

constexpr std::uint64_t execute = 1U << 0, write_file = 1U << 1, read_file = 1U << 2, read_dir = 1U << 3,
                        remove_file = 1U << 5, make_reg = 1U << 8, truncate = 1U << 14, ioctl_dev = 1U << 15;
constexpr std::uint64_t plain_files = write_file | read_file | read_dir | remove_file | make_reg | truncate;
constexpr std::uint64_t file_rights = execute | write_file | read_file | truncate | ioctl_dev;

struct Attributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // ABI 4
  std::uint64_t scoped;              // ABI 6
};

struct __attribute__((packed)) PathBeneath {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};

// The kernel's version; below 1: it has no Landlock.
inline long abi() { return syscall(create_ruleset, nullptr, 0, 1); }

// All that this version can deny.
inline Attributes everything(long version) {
  constexpr int rights_of_version[] = {0, 13, 14, 15, 15, 16};
  const int rights = rights_of_version[version < 5 ? version : 5];
  return {(std::uint64_t{1} << rights) - 1, version >= 4 ? 3U : 0U, version >= 6 ? 3U : 0U};
}

inline std::size_t attributes_size(long version) {
  if (version >= 6) return sizeof(Attributes);
  return version >= 4 ? offsetof(Attributes, scoped) : offsetof(Attributes, handled_access_net);
}

}  // namespace cope::landlock
