#include "cope/store/database_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "cope/base/error.h"
#include "cope/store/schema.h"
#include "cope/store/store.h"

namespace cope {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::Failure;

// Files up to this size are checked page by page whenever they are opened (a fraction of a second); in larger ones damage is reported when it is met.
constexpr std::uintmax_t checked_bytes = 64u << 20;

std::string quoted(const std::string& path) { return "\"" + path + "\""; }

std::string system_text(int code) { return std::generic_category().message(code); }

[[noreturn]] void refuse_damaged(const std::string& path, const std::string& what) {
  throw StoreError("the store " + quoted(path) + " is damaged (" + what +
                   "); it was left as it is: restore it from a copy, salvage it with `sqlite3 cope.sqlite3 .recover`, "
                   "or choose another directory");
}

[[noreturn]] void refuse_foreign(const std::string& path, const std::string& what) {
  throw StoreError(quoted(path) + " is not a store of COPE: it is " + what +
                   "; it was left as it is: choose another directory");
}

[[noreturn]] void refuse_newer(const std::string& path, std::int64_t version) {
  throw StoreError("the store " + quoted(path) + " was written by a newer version of COPE (its schema is " +
                   std::to_string(version) + ", this version knows " + std::to_string(store_schema_version) +
                   "); it was left as it is: upgrade the package cope-llm, or choose another directory");
}

// 0 where there is no such file.
std::uintmax_t size_of(const std::string& path) {
  std::error_code none;
  const auto size = fs::file_size(path, none);
  return none ? 0 : size;
}

// Beside the file itself, where `path` is a link to it.
std::string log_path(const std::string& path) {
  std::error_code none;
  const fs::path file = fs::canonical(path, none);
  return (none ? path : file.string()) + "-wal";
}

struct Header {
  std::uint64_t page_bytes;
  std::uint64_t pages;
  std::int64_t application_id;
  std::int64_t user_version;
};

// The first 100 bytes are read through SQLite's own file handle: were the file opened and closed behind its back, POSIX would drop the locks
// that other connections of this process hold on it.
std::array<unsigned char, 100> read_header_bytes(const Database& database, const std::string& path) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  std::array<unsigned char, 100> bytes{};
  if (file == nullptr || file->pMethods == nullptr) refuse_damaged(path, "it cannot be read");
  const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) throw Failure(code, errno, sqlite3_errstr(code));
  return bytes;
}

// https://www.sqlite.org/fileformat.html#the_database_header
Header parse_header(const std::array<unsigned char, 100>& bytes) {
  const auto big_endian = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           std::uint32_t{bytes[at + 3]};
  };
  const std::uint32_t page_bytes = std::uint32_t{bytes[16]} << 8 | bytes[17];
  return {page_bytes == 1 ? 65536 : page_bytes, big_endian(28), big_endian(68), big_endian(60)};
}

// What SQLite itself finds wrong with the content; empty: nothing.
std::string damage(Database& database, bool every_page) {
  try {
    if (every_page) {
      const std::string verdict = database.text("PRAGMA quick_check(1)");
      if (verdict != "ok") return verdict;
    }
    const auto objects = database.integer(
        "SELECT count(*) FROM sqlite_schema WHERE name IN "
        "('samples', 'ledger', 'reservations', 'runs', 'outcomes', 'outcomes_by_position', 'sqlite_sequence')");
    if (objects != store_schema_objects) return "tables are missing";
    if (database.integer("SELECT count(*) FROM ledger") != 1) return "the ledger has no row";
    return {};
  } catch (const Failure& failure) {
    if (failure.code() != SQLITE_CORRUPT && failure.code() != SQLITE_NOTADB && failure.code() != SQLITE_ERROR) throw;
    return failure.what();
  }
}

// The write-ahead log holds what is not in the file yet: it may move the version, the size and every page.
void judge_with_log(const std::string& path, bool every_page, std::int64_t patience_ms) {
  Database database(sqlite::file_uri(path), SQLITE_OPEN_READONLY);
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  database.set_patience(patience_ms);
  try {
    if (database.integer("PRAGMA application_id") != store_application_id) {
      refuse_foreign(path, "an SQLite database of another program");
    }
    const auto version = database.integer("PRAGMA user_version");
    if (version > store_schema_version) refuse_newer(path, version);
  } catch (const Failure& failure) {
    if (failure.code() != SQLITE_CORRUPT && failure.code() != SQLITE_NOTADB) throw;
    refuse_damaged(path, failure.what());
  }
  const std::string found = damage(database, every_page);
  if (!found.empty()) refuse_damaged(path, found);
}

// One look without locks at the file alone: what is damaged in it, empty where nothing is. Throws for what is not ours or too new.
std::string look(const std::string& path) {
  // `immutable`: no lock, no journal, no log, no other file is touched.
  Database file(sqlite::file_uri(path, "immutable=1"), SQLITE_OPEN_READONLY);
  const auto size = size_of(path);
  const auto bytes = read_header_bytes(file, path);
  if (size == 0) return "it is empty";
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), 16) != std::string_view("SQLite format 3\0", 16)) {
    refuse_foreign(path, "no SQLite database");
  }
  if (size < bytes.size()) return "it was cut off within its header";
  const Header header = parse_header(bytes);
  if (header.application_id != store_application_id) refuse_foreign(path, "an SQLite database of another program");
  if (header.user_version > store_schema_version) refuse_newer(path, header.user_version);
  if (header.user_version < 1) return "it has no schema version";
  if (size_of(log_path(path)) != 0) return {};  // the file is only a part: judge_with_log() sees the whole
  if (size < header.pages * header.page_bytes) {
    return "it was cut off: " + std::to_string(size) + " of " + std::to_string(header.pages * header.page_bytes) +
           " bytes are left";
  }
  return damage(file, size <= checked_bytes);
}

// Throws StoreError where the file is not a whole store of a version that we know. Writes nothing.
void judge(const std::string& path, std::int64_t patience_ms) {
  std::error_code none;
  if (!fs::is_regular_file(path, none)) refuse_foreign(path, "no regular file");  // a pipe would block for ever
  std::string found = look(path);
  // A look without locks may fall into another process's move of its log into the file. That passes; damage stays.
  for (int again = 0; again < 3 && !found.empty(); ++again) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    found = look(path);
  }
  if (!found.empty()) refuse_damaged(path, found);
  if (size_of(log_path(path)) != 0) judge_with_log(path, size_of(path) <= checked_bytes, patience_ms);
}

void sync_file(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool failed = descriptor < 0 || ::fsync(descriptor) != 0;
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  // Some file systems know no fsync of a directory; what they do not know they do not need.
  if (failed && !(code == EINVAL && (flags & O_DIRECTORY) != 0)) throw Failure(SQLITE_IOERR, code, system_text(code));
}

// Makes the directory and what leads to it, durably.
void make_directory(const fs::path& directory) {
  std::error_code code;
  if (fs::is_directory(directory, code)) return;
  const fs::path parent = directory.parent_path();
  if (!parent.empty() && parent != directory) make_directory(parent);
  fs::create_directory(directory, code);
  if (code) {
    throw StoreError("the directory " + quoted(directory.string()) + " cannot be made (" + code.message() +
                     "): choose another directory for the store");
  }
  sync_file(parent.string(), O_RDONLY | O_DIRECTORY);
}

// Publishes `from` as `to` unless that exists: an unfinished store is never seen under its name.
void publish(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST) return;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK) {
    // File systems without hard links.
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 || errno == EEXIST) return;
  }
  const int code = errno;
  throw Failure(SQLITE_IOERR, code, system_text(code));
}

// An empty file of a name that nobody else uses: a process id would be shared by containers that share a directory.
std::string make_draft(const std::string& path) {
  std::random_device random;
  for (;;) {
    const std::string draft = path + ".new-" + std::to_string(random()) + "-" + std::to_string(random());
    const int descriptor = ::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor >= 0) {
      ::close(descriptor);
      return draft;
    }
    const int code = errno;
    if (code != EEXIST)
      throw Failure(code == ENOSPC || code == EDQUOT ? SQLITE_FULL : SQLITE_CANTOPEN, code, system_text(code));
  }
}

void make_store(const std::string& directory, const std::string& path) {
  make_directory(fs::absolute(directory).lexically_normal());
  const std::string draft = make_draft(path);
  std::error_code ignored;
  try {
    {
      Database database(sqlite::file_uri(draft), SQLITE_OPEN_READWRITE);
      // The draft needs no journal: it becomes the store whole or not at all.
      database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
      database.exec(("PRAGMA application_id = " + std::to_string(store_application_id)).c_str());
      database.exec(("PRAGMA user_version = " + std::to_string(store_schema_version)).c_str());
      database.exec(store_schema);
      database.exec("COMMIT; PRAGMA journal_mode = WAL");
    }
    sync_file(draft, O_RDONLY);
    publish(draft, path);
    fs::remove(draft, ignored);
    sync_file(directory, O_RDONLY | O_DIRECTORY);
  } catch (...) {
    for (const char* const suffix : {"", "-wal", "-shm"}) fs::remove(draft + suffix, ignored);
    throw;
  }
}

void harden(Database& database, std::int64_t patience_ms) {
  database.set_patience(patience_ms);
  sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  database.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
}

void require_directory(const std::string& directory, bool make) {
  std::error_code none;
  const auto status = fs::status(directory, none);
  if (directory.empty()) throw StoreError("a store needs the path of a directory, and got an empty text");
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw StoreError("the store " + quoted(directory) + " is a file, not a directory: choose another path");
  }
  if (make) return;
  std::error_code code;
  const auto file = fs::symlink_status(database_path(directory), code);
  if (file.type() == fs::file_type::not_found) {
    throw StoreError("there is no store at " + quoted(directory) +
                     ": check the path, or make one by naming it as the store of a run");
  }
  if (code) {
    throw StoreError("the store " + quoted(directory) + " cannot be reached (" + code.message() +
                     "): check the permissions of the path");
  }
}

// Of the directory, or of where it is to be made; 0 where that cannot be told.
std::int64_t file_system_of(const std::string& directory) {
  fs::path place = fs::absolute(directory).lexically_normal();
  struct statfs found{};
  while (::statfs(place.c_str(), &found) != 0) {
    if (!place.has_relative_path()) return 0;
    place = place.parent_path();
  }
  return static_cast<std::int64_t>(found.f_type);
}

}  // namespace

void require_local(const std::string& directory, std::int64_t file_system) {
  constexpr std::pair<std::uint32_t, std::string_view> networks[] = {
      {NFS_SUPER_MAGIC, "NFS"},  {SMB_SUPER_MAGIC, "SMB"}, {SMB2_SUPER_MAGIC, "SMB"},
      {CIFS_SUPER_MAGIC, "SMB"}, {AFS_SUPER_MAGIC, "AFS"}, {AFS_FS_MAGIC, "AFS"},
  };
  for (const auto& [type, name] : networks) {
    if (static_cast<std::uint32_t>(file_system) != type) continue;
    throw StoreError("the store " + quoted(directory) + " would lie on a network file system (" + std::string(name) +
                     "), where processes on different machines damage it: choose a directory on a local disk, and copy "
                     "it when the run has ended");
  }
}

std::string database_path(const std::string& directory) { return (fs::path(directory) / "cope.sqlite3").string(); }

Database open_for_writing(const std::string& directory, const WritingOptions& options) {
  require_directory(directory, options.make);
  require_local(directory, file_system_of(directory));
  const std::string path = database_path(directory);
  try {
    std::error_code none;
    if (options.make && fs::symlink_status(path, none).type() == fs::file_type::not_found) make_store(directory, path);
    judge(path, options.patience_ms);

    Database database(sqlite::file_uri(path), SQLITE_OPEN_READWRITE);
    harden(database, options.patience_ms);
    if (sqlite3_db_readonly(database.handle(), "main") != 0)
      throw Failure(SQLITE_READONLY, EACCES, system_text(EACCES));
    database.exec(options.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    // A log that a burst has grown is cut back, not kept for ever.
    database.exec("PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864");
    database.integer("SELECT count(*) FROM ledger");  // opens the log now, where its failure is the opener's
    return database;
  } catch (const Failure& failure) {
    throw StoreError(explain(failure, path));
  }
}

Database open_for_reading(const std::string& directory, const ReadingOptions& options) {
  require_directory(directory, false);
  const std::string path = database_path(directory);
  const auto open = [&](std::string_view parameters) {
    Database database(sqlite::file_uri(path, parameters), SQLITE_OPEN_READONLY);
    harden(database, options.patience_ms);
    database.integer("SELECT count(*) FROM ledger");
    return database;
  };
  try {
    if (!options.judged) judge(path, options.patience_ms);
    try {
      return open({});
    } catch (const Failure& failure) {
      // A directory in which the log's index cannot be made: nobody writes there, so the file may be taken as it stands, unless a log
      // holds more than the file.
      if (failure.code() != SQLITE_CANTOPEN && failure.code() != SQLITE_READONLY) throw;
      if (size_of(log_path(path)) != 0 || ::access(directory.c_str(), W_OK) == 0) throw;
      return open("immutable=1");
    }
  } catch (const Failure& failure) {
    throw StoreError(explain(failure, path));
  }
}

std::string explain(const Failure& failure, const std::string& path) {
  const std::string store = "the store " + quoted(path);
  const int system = failure.system_errno();
  const std::string reason = system != 0 ? system_text(system) : std::string(failure.what());
  switch (failure.code()) {
    case SQLITE_FULL:
      return store + " has no room left (disk full): free some space and start again; what was committed is kept";
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT || system == EFBIG) {
        return store + " has no room left (" + reason +
               "): free some space or raise the limit, and start again; what was committed is kept";
      }
      return store + " could not be read or written (" + reason +
             "): check the disk and start again; what was committed is kept";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return store + " has been locked by another program for too long: end the program that holds it, and start again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return store + " is damaged (" + failure.what() +
             "): restore it from a copy, salvage it with `sqlite3 cope.sqlite3 .recover`, or choose another directory";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return store + " cannot be opened or written (" + reason +
             "): check that you may read and write the file and its directory (a store that a crash left behind is "
             "read from a directory that can be written to)";
    default:
      return store + " failed (" + failure.what() + ")";
  }
}

}  // namespace cope
