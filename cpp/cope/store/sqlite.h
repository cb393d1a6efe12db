// Small owners of SQLite's handles: a connection, a prepared statement, the rows of one execution.
//
//   Database db(file_uri("runs/first/cope.sqlite3"), SQLITE_OPEN_READONLY);
//   Statement by_id(db, "SELECT text FROM samples WHERE id = ?");       // prepared once, executed often
//   auto rows = by_id.query(std::int64_t{7});
//   while (rows.next()) use(rows.text(0));                              // reset when `rows` goes
//
// Failures throw sqlite::Failure; database_file.h turns them into messages for people.
// Thread-safety: a connection with its statements belongs to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cope::sqlite {

class Failure : public std::runtime_error {
 public:
  Failure(int code, int system_errno, const std::string& message)
      : std::runtime_error(message), code_(code), system_errno_(system_errno) {}
  int code() const { return code_ & 0xff; }  // SQLITE_FULL, SQLITE_BUSY, ...
  int extended_code() const { return code_; }
  int system_errno() const { return system_errno_; }  // 0: none

 private:
  int code_;
  int system_errno_;
};

// "file://…" with the characters escaped that a URI gives a meaning to; `parameters` such as "immutable=1".
std::string file_uri(const std::string& path, std::string_view parameters = {});

class Database {
 public:
  Database(const std::string& uri, int flags);

  sqlite3* handle() const { return handle_.get(); }
  void exec(const char* sql);
  std::int64_t integer(std::string_view sql);  // the one value of a query; REQUIRES: it has one
  std::string text(std::string_view sql);

  // Waits so long for another process's lock, polling every few milliseconds: SQLite's own handler sleeps up to 100 ms at a time, which lets
  // a busy writer starve a second one.
  void set_patience(std::int64_t patience_ms);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Patience;
  struct DeletePatience {
    void operator()(Patience* patience) const;
  };
  std::unique_ptr<Patience, DeletePatience> patience_;  // outlives the handle that points to it
  std::unique_ptr<sqlite3, Close> handle_;
};

struct Blob {
  std::string_view bytes;
};

class Rows;

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  // Executes with these values and drops any rows.
  template <class... Values>
  void run(const Values&... values) {
    const Reset reset{handle_.get()};
    int index = 0;
    (bind(++index, values, SQLITE_STATIC), ...);
    while (step()) {
    }
  }

  // The values are copied: the rows may outlive them.
  template <class... Values>
  Rows query(const Values&... values);

 private:
  friend class Rows;
  struct Reset {
    sqlite3_stmt* handle;
    ~Reset() {
      sqlite3_reset(handle);
      sqlite3_clear_bindings(handle);
    }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };

  void bind(int index, std::int64_t value, sqlite3_destructor_type lifetime);
  void bind(int index, int value, sqlite3_destructor_type lifetime) { bind(index, std::int64_t{value}, lifetime); }
  void bind(int index, bool value, sqlite3_destructor_type lifetime) { bind(index, std::int64_t{value}, lifetime); }
  void bind(int index, double value, sqlite3_destructor_type lifetime);
  void bind(int index, std::string_view value, sqlite3_destructor_type lifetime);
  void bind(int index, const std::string& value, sqlite3_destructor_type lifetime) {
    bind(index, std::string_view(value), lifetime);
  }
  void bind(int index, Blob value, sqlite3_destructor_type lifetime);
  template <class T>
  void bind(int index, const std::optional<T>& value, sqlite3_destructor_type lifetime) {
    if (value) bind(index, *value, lifetime);  // else NULL: bindings are cleared after each execution
  }
  bool step();
  void check(int code) const;

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// REQUIRES: the statement lives, and runs nothing else, as long as its rows.
class Rows {
 public:
  explicit Rows(Statement& statement) : statement_(statement), reset_{statement.handle_.get()} {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool next() { return statement_.step(); }
  bool null(int column) const { return sqlite3_column_type(row(), column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(row(), column); }
  int small(int column) const { return sqlite3_column_int(row(), column); }
  double real(int column) const { return sqlite3_column_double(row(), column); }
  std::string text(int column) const;  // of texts and blobs, NUL bytes included
  std::optional<std::int64_t> maybe_integer(int column) const {
    return null(column) ? std::nullopt : std::optional(integer(column));
  }
  std::optional<double> maybe_real(int column) const {
    return null(column) ? std::nullopt : std::optional(real(column));
  }

 private:
  sqlite3_stmt* row() const { return reset_.handle; }

  Statement& statement_;
  Statement::Reset reset_;
};

template <class... Values>
Rows Statement::query(const Values&... values) {
  int index = 0;
  (bind(++index, values, SQLITE_TRANSIENT), ...);
  return Rows(*this);
}

}  // namespace cope::sqlite
