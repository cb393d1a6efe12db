// The file of a store: made, judged and opened; and its failures put into words.
//
//   sqlite::Database writer = open_for_writing("runs/first", {.make = true, .durable = true, .patience_ms = 60'000});
//   sqlite::Database reader = open_for_reading("runs/first", {.judged = true});
//
// A file is judged before SQLite is allowed to write anything: its header is read through a connection that takes no locks, recovers no journal
// and makes no files beside it. What is foreign, damaged or newer is refused with a StoreError and stays byte for byte as it was.
//
// Thread-safety: free functions; any number of threads and processes may open, or make, the same store at once.
#pragma once

#include <cstdint>
#include <string>

#include "cope/store/sqlite.h"

namespace cope {

struct WritingOptions {
  bool make = false;    // where there is no store yet
  bool durable = true;  // synchronous = FULL, else OFF
  std::int64_t patience_ms = 60'000;
};

struct ReadingOptions {
  std::int64_t patience_ms = 60'000;
  bool judged = false;  // by open_for_writing(), just now
};

std::string database_path(const std::string& directory);

sqlite::Database open_for_writing(const std::string& directory, const WritingOptions& options);

// Throws StoreError where `file_system`, the f_type of statfs(2), is one of a network (NFS, SMB, AFS): the processes of a store share memory through a file
// beside the database, which machines do not share over a network, and would damage the store.
void require_local(const std::string& directory, std::int64_t file_system);

// Works in a directory that may not be written to, as long as no crash left a write-ahead log without its index there.
sqlite::Database open_for_reading(const std::string& directory, const ReadingOptions& options);

// What went wrong with the store at `path`, and what to do about it.
std::string explain(const sqlite::Failure& failure, const std::string& path);

}  // namespace cope
