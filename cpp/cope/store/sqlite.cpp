#include "cope/store/sqlite.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

namespace cope::sqlite {
namespace {

// REQUIRES: errno was 0 before the call that failed. SQLite keeps no errno of a write that fails within a COMMIT.
[[noreturn]] void fail(sqlite3* handle, int code) {
  const int after = errno;
  if (handle == nullptr) throw Failure(code, 0, sqlite3_errstr(code));
  const int extended = sqlite3_extended_errcode(handle);
  int system = sqlite3_system_errno(handle);
  if (system == 0 && (extended & 0xff) == SQLITE_IOERR) system = after;
  throw Failure(extended, system, sqlite3_errmsg(handle));
}

}  // namespace

std::string file_uri(const std::string& path, std::string_view parameters) {
  std::string uri = "file://";
  for (const char c : std::filesystem::absolute(path).lexically_normal().string()) {
    if (c == '%') {
      uri += "%25";
    } else if (c == '?') {
      uri += "%3f";
    } else if (c == '#') {
      uri += "%23";
    } else {
      uri += c;
    }
  }
  if (!parameters.empty()) uri.append("?").append(parameters);
  return uri;
}

struct Database::Patience {
  std::chrono::milliseconds limit;
  std::chrono::steady_clock::time_point since;

  // Non-zero: try again.
  static int wait(void* self, int tries) {
    auto& patience = *static_cast<Patience*>(self);
    const auto now = std::chrono::steady_clock::now();
    if (tries == 0) patience.since = now;
    if (now - patience.since >= patience.limit) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(tries < 100 ? 1 : 4));
    return 1;
  }
};

void Database::DeletePatience::operator()(Patience* patience) const { delete patience; }

Database::Database(const std::string& uri, int flags) {
  errno = 0;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &handle, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);  // SQLite hands one out even where it failed
  if (code != SQLITE_OK) fail(handle, code);
}

void Database::set_patience(std::int64_t patience_ms) {
  patience_.reset(new Patience{std::chrono::milliseconds(patience_ms), {}});
  sqlite3_busy_handler(handle(), &Patience::wait, patience_.get());
}

void Database::exec(const char* sql) {
  errno = 0;
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle(), code);
}

std::int64_t Database::integer(std::string_view sql) {
  Statement statement(*this, sql);
  auto rows = statement.query();
  if (!rows.next()) throw Failure(SQLITE_ERROR, 0, "a query returned no row");
  return rows.integer(0);
}

std::string Database::text(std::string_view sql) {
  Statement statement(*this, sql);
  auto rows = statement.query();
  if (!rows.next()) throw Failure(SQLITE_ERROR, 0, "a query returned no row");
  return rows.text(0);
}

Statement::Statement(const Database& database, std::string_view sql) {
  errno = 0;
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) fail(database.handle(), code);
  handle_.reset(handle);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()), code);
}

void Statement::bind(int index, std::int64_t value, sqlite3_destructor_type) {
  check(sqlite3_bind_int64(handle_.get(), index, value));
}

void Statement::bind(int index, double value, sqlite3_destructor_type) {
  check(sqlite3_bind_double(handle_.get(), index, value));
}

void Statement::bind(int index, std::string_view value, sqlite3_destructor_type lifetime) {
  const char* data = value.empty() ? "" : value.data();  // a null pointer would bind NULL
  check(sqlite3_bind_text64(handle_.get(), index, data, value.size(), lifetime, SQLITE_UTF8));
}

void Statement::bind(int index, Blob value, sqlite3_destructor_type lifetime) {
  const char* data = value.bytes.empty() ? "" : value.bytes.data();
  check(sqlite3_bind_blob64(handle_.get(), index, data, value.bytes.size(), lifetime));
}

bool Statement::step() {
  errno = 0;
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(handle_.get()), code);
}

std::string Rows::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(row(), column));
  const int size = sqlite3_column_bytes(row(), column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

}  // namespace cope::sqlite
