#include <sqlite3.h>
#include <sys/stat.h>

#include "cope/store/database_file.h"
#include "store/support.h"

namespace cope::store_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A connection of another program.
class Raw {
 public:
  explicit Raw(const std::string& file) {
    fs::create_directories(fs::path(file).parent_path());
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error(file);
  }
  ~Raw() { sqlite3_close(handle_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  void exec(const std::string& sql) {
    char* error = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &error) != SQLITE_OK) throw std::runtime_error(error);
  }

 private:
  sqlite3* handle_ = nullptr;
};

void make_store_with_samples(const std::string& directory, int samples = 200) {
  auto store = Store::open(directory, Store::Mode::create);
  for (int i = 0; i < samples; ++i) store->put({make_sample(i, std::string(1000, 'x'))}, std::nullopt, nullptr);
  store->flush();
}

// A store of ten samples whose writer was killed: they are in its log, and not in the file.
void leave_a_log(const std::string& directory) {
  Child child([&](Channel& out) {
    auto store = Store::open(directory, Store::Mode::create);
    for (int i = 0; i < 10; ++i) put_one(*store, make_sample(i));
    out.send(1);
    ::pause();
  });
  child.start();
  std::int64_t ready = 0;
  ASSERT_TRUE(child.receive(ready));
}

// Every mode refuses with the same reason, and neither the file nor anything beside it changes.
void expect_refused_and_untouched(const std::string& directory, const testing::Matcher<std::string>& reason) {
  const auto before = contents(directory);
  for (const auto mode : {Store::Mode::create, Store::Mode::write, Store::Mode::read}) {
    EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory, mode)); }),
                AllOf(HasSubstr(directory + "/cope.sqlite3"), reason, HasSubstr("left as it is"),
                      HasSubstr("choose another directory")));
  }
  EXPECT_TRUE(contents(directory) == before) << "something in the directory changed";
}

TEST(StoreRefusal, of_a_directory_without_a_store_unless_one_is_to_be_made) {
  TempDirectory directory;
  for (const auto mode : {Store::Mode::write, Store::Mode::read}) {
    EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path("none"), mode)); }),
                AllOf(HasSubstr("no store at"), HasSubstr(directory.path("none"))));
  }
  EXPECT_FALSE(fs::exists(directory.path("none")));
  static_cast<void>(Store::open(directory.path("a/b/c"), Store::Mode::create));
  static_cast<void>(Store::open(directory.path("a/b/c"), Store::Mode::write));
}

TEST(StoreRefusal, of_a_path_that_is_a_file_and_of_an_empty_path) {
  TempDirectory directory;
  write_bytes(directory.path("file"), "x");
  for (const auto mode : {Store::Mode::create, Store::Mode::write, Store::Mode::read}) {
    EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path("file"), mode)); }),
                HasSubstr("not a directory"));
    EXPECT_THAT(message_of([&] { static_cast<void>(Store::open("", mode)); }), HasSubstr("empty"));
  }
  EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path("file/below"), Store::Mode::create)); }),
              HasSubstr("cannot be made"));
}

TEST(StoreRefusal, of_a_network_file_system) {
  const std::int64_t ext4 = 0xEF53;
  const std::int64_t overlay = 0x794C7630;
  for (const std::int64_t local : {ext4, overlay, std::int64_t{0}}) EXPECT_NO_THROW(require_local("/data/run", local));
  const std::int64_t nfs = 0x6969;
  const std::int64_t smb = 0x517B;
  const std::int64_t smb2 = 0xFE534D42;
  const auto as_signed = static_cast<std::int64_t>(static_cast<std::int32_t>(0xFE534D42));  // f_type on 32-bit machines
  for (const std::int64_t network : {nfs, smb, smb2, as_signed}) {
    EXPECT_THAT(message_of([&] { require_local("/data/run", network); }),
                AllOf(HasSubstr("\"/data/run\""), HasSubstr(network == nfs ? "(NFS)" : "(SMB)"),
                      HasSubstr("choose a directory on a local disk")));
  }
}

TEST(StoreRefusal, of_a_text_file) {
  TempDirectory directory;
  write_bytes(directory.file(), "my notes\n");
  expect_refused_and_untouched(directory.path(), HasSubstr("no SQLite database"));
  write_bytes(directory.file(), std::string(10'000, 'n'));
  expect_refused_and_untouched(directory.path(), HasSubstr("no SQLite database"));
}

TEST(StoreRefusal, of_something_that_is_no_file) {
  TempDirectory directory;
  fs::create_directories(directory.file());
  EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path(), Store::Mode::create)); }),
              HasSubstr("no regular file"));
  ASSERT_EQ(::mkfifo((directory.path() + "/pipe").c_str(), 0600), 0);
  fs::remove(directory.file());
  fs::rename(directory.path() + "/pipe", directory.file());
  EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path(), Store::Mode::read)); }),
              HasSubstr("no regular file"));
}

TEST(StoreRefusal, of_another_programs_database) {
  TempDirectory directory;
  Raw(directory.file()).exec("CREATE TABLE samples (x); INSERT INTO samples VALUES (1)");
  expect_refused_and_untouched(directory.path(), HasSubstr("another program"));
}

TEST(StoreRefusal, of_another_programs_database_leaves_its_unfinished_journal_and_log_alone) {
  for (const char* journal : {"WAL", "DELETE"}) {
    TempDirectory directory;
    // Killed within a transaction: whoever opens the file next through SQLite would recover it, and so change it.
    Child child([&](Channel& out) {
      Raw raw(directory.file());
      raw.exec(std::string("PRAGMA journal_mode = ") + journal +
               "; PRAGMA cache_size = 1; CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(50000)); BEGIN; "
               "UPDATE t SET x = randomblob(100000); INSERT INTO t VALUES (randomblob(50000))");
      out.send(1);
      ::pause();
    });
    child.start();
    std::int64_t ready = 0;
    ASSERT_TRUE(child.receive(ready));
    child.kill();
    child.wait();
    ASSERT_GE(contents(directory.path()).size(), 2u) << journal;
    expect_refused_and_untouched(directory.path(), HasSubstr("another program"));
  }
}

TEST(StoreRefusal, of_a_store_of_a_newer_version) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  Raw(directory.file()).exec("PRAGMA user_version = " + std::to_string(store_schema_version + 1));
  expect_refused_and_untouched(directory.path(), AllOf(HasSubstr("newer version"), HasSubstr("upgrade")));
}

TEST(StoreRefusal, of_a_newer_version_that_only_the_log_knows_of) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  Child child([&](Channel& out) {
    Raw raw(directory.file());
    raw.exec("PRAGMA user_version = 7");
    out.send(1);
    ::pause();
  });
  child.start();
  std::int64_t ready = 0;
  ASSERT_TRUE(child.receive(ready));
  child.kill();
  child.wait();
  const auto before = contents(directory.path());
  for (const auto mode : {Store::Mode::create, Store::Mode::write, Store::Mode::read}) {
    EXPECT_THAT(message_of([&] { static_cast<void>(Store::open(directory.path(), mode)); }),
                HasSubstr("newer version"));
  }
  auto after = contents(directory.path());
  EXPECT_TRUE(after["cope.sqlite3"] == before.at("cope.sqlite3"));
  EXPECT_TRUE(after["cope.sqlite3-wal"] == before.at("cope.sqlite3-wal"));
}

TEST(StoreRefusal, of_a_file_that_was_cut_off_anywhere) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  const std::string whole = read_bytes(directory.file());
  for (const std::size_t size : {std::size_t{0}, std::size_t{50}, std::size_t{100}, std::size_t{4096},
                                 std::size_t{40960}, whole.size() / 2, whole.size() - 4096, whole.size() - 1}) {
    write_bytes(directory.file(), whole.substr(0, size));
    SCOPED_TRACE(size);
    expect_refused_and_untouched(directory.path(), HasSubstr("damaged"));
  }
}

TEST(StoreRefusal, of_a_file_with_a_page_of_rubbish) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  const std::string whole = read_bytes(directory.file());
  const std::size_t pages = whole.size() / 4096;
  for (const std::size_t page : {std::size_t{1}, std::size_t{2}, pages / 2, pages - 1}) {
    for (const char rubbish : {'\x00', '\x5a', '\xff'}) {
      std::string bytes = whole;
      bytes.replace(page * 4096, 4096, std::string(4096, rubbish));
      write_bytes(directory.file(), bytes);
      SCOPED_TRACE(testing::Message() << "page " << page << " byte " << static_cast<int>(rubbish));
      expect_refused_and_untouched(directory.path(), HasSubstr("damaged"));
    }
  }
}

TEST(StoreRefusal, of_a_store_with_a_table_missing) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  Raw(directory.file()).exec("DROP TABLE outcomes");
  expect_refused_and_untouched(directory.path(), HasSubstr("tables are missing"));
}

TEST(StoreRead, writing_is_misuse_and_reading_changes_no_byte) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  const std::string before = read_bytes(directory.file());
  {
    auto store = Store::open(directory.path(), Store::Mode::read);
    EXPECT_TRUE(find_one(*store, identity(7)));
    EXPECT_THAT(message_of([&] { store->put({make_sample(1)}, std::nullopt, nullptr); }), HasSubstr("for reading"));
    EXPECT_THAT(message_of([&] { store->set_cap(1); }), HasSubstr("for reading"));
    EXPECT_THAT(message_of([&] { store->reserve(1, nullptr); }), HasSubstr("for reading"));
    EXPECT_THAT(message_of([&] { store->begin_run(sha256("r"), "{}"); }), HasSubstr("for reading"));
    EXPECT_EQ(store->directory(), directory.path());
  }
  EXPECT_TRUE(read_bytes(directory.file()) == before);
}

TEST(StoreRead, works_while_another_process_writes) {
  TempDirectory directory;
  make_store_with_samples(directory.path(), 1);
  Child child([&](Channel& out) {
    auto store = Store::open(directory.path(), Store::Mode::write);
    for (int i = 1; i <= 100; ++i) {
      put_one(*store, make_sample(i));
      out.send(i);
    }
  });
  child.start();
  auto store = Store::open(directory.path(), Store::Mode::read);
  int seen = 0;
  for (std::int64_t i = 0; child.receive(i);) seen += find_one(*store, identity(i)) ? 1 : 0;
  EXPECT_EQ(seen, 100);
  EXPECT_EQ(child.wait(), 0);
}

// As a user who may read everything and write nothing: root is turned into nobody in a child.
void read_without_permission_to_write(const std::string& directory, int samples) {
  for (const auto& entry : fs::directory_iterator(directory)) ::chmod(entry.path().c_str(), 0444);
  ::chmod(directory.c_str(), 0555);
  ::chmod(fs::path(directory).parent_path().c_str(), 0755);
  const auto before = contents(directory);
  Child child([&](Channel& out) {
    if (::getuid() == 0) require(::setgid(65534) == 0 && ::setuid(65534) == 0, "no other user");
    {
      auto store = Store::open(directory, Store::Mode::read);
      for (int i = 0; i < samples; ++i) require(find_one(*store, identity(i)).has_value(), "a sample is missing");
      require(store->ledger().settled_pusd == 0, "ledger");
    }
    const std::string refused = message_of([&] { static_cast<void>(Store::open(directory, Store::Mode::write)); });
    require(refused.find("check that you may read and write") != std::string::npos, refused);
    out.send(1);
  });
  child.start();
  EXPECT_EQ(child.receive_all().size(), 1u);
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(contents(directory) == before);
  ::chmod(directory.c_str(), 0755);
}

TEST(StoreRead, works_in_a_directory_that_may_not_be_written_to) {
  TempDirectory directory;
  make_store_with_samples(directory.path(), 10);
  ASSERT_EQ(contents(directory.path()).size(), 1u) << "a closed store is one file";
  read_without_permission_to_write(directory.path(), 10);
}

TEST(StoreRead, works_in_such_a_directory_with_what_a_killed_writer_left) {
  TempDirectory directory;
  leave_a_log(directory.path());
  ASSERT_EQ(contents(directory.path()).size(), 3u);
  read_without_permission_to_write(directory.path(), 10);
}

TEST(StoreOpen, paths_may_hold_the_characters_of_a_uri) {
  TempDirectory directory;
  const std::string path = directory.path("a b?mode=ro#c%20d&é'\"");
  EXPECT_EQ(put_one(*Store::open(path, Store::Mode::create), make_sample(1)).error, "");
  EXPECT_TRUE(fs::exists(path + "/cope.sqlite3"));
  EXPECT_TRUE(find_one(*Store::open(path, Store::Mode::read), identity(1)));
}

TEST(StoreOpen, a_path_may_end_in_a_slash_or_be_relative) {
  TempDirectory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path("."));
  EXPECT_EQ(put_one(*Store::open("a/b/", Store::Mode::create), make_sample(1)).error, "");
  auto store = Store::open("a/../a/b", Store::Mode::write);
  fs::current_path(before);
  EXPECT_EQ(put_one(*store, make_sample(2)).error, "");  // an open store does not depend on the current directory
  EXPECT_TRUE(find_one(*store, identity(1)));
}

TEST(StoreOpen, a_link_to_the_file_of_a_killed_writer_sees_its_log) {
  TempDirectory directory;
  leave_a_log(directory.path());
  fs::create_directories(directory.path("link"));
  fs::create_symlink(directory.file(), directory.file("link"));
  auto store = Store::open(directory.path("link"), Store::Mode::write);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(find_one(*store, identity(i))) << i;
}

TEST(StoreDamage, that_comes_while_a_store_is_open_is_an_error_of_the_call_that_meets_it) {
  TempDirectory directory;
  make_store_with_samples(directory.path());
  auto store = Store::open(directory.path(), Store::Mode::write);
  {
    std::fstream file(directory.file(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(fs::file_size(directory.file()) - 4096, '\x5a');
  }
  EXPECT_THAT(message_of([&] { static_cast<void>(find_one(*store, identity(150))); }),
              AllOf(HasSubstr("damaged"), HasSubstr(directory.file())));
  const Written written = put_one(*store, make_sample(1'000));
  EXPECT_THAT(written.error, AllOf(HasSubstr("damaged"), HasSubstr(directory.file())));
  EXPECT_EQ(put_one(*store, make_sample(1'001)).error, written.error);
}

TEST(StoreOpen, a_group_of_no_rows_is_misuse) {
  TempDirectory directory;
  EXPECT_THROW(static_cast<void>(Store::open(directory.path(), Store::Mode::create, {.group_rows = 0})), ConfigError);
}

TEST(StoreOpen, many_processes_may_make_the_same_store_at_once) {
  TempDirectory directory;
  std::vector<std::unique_ptr<Child>> children;
  for (int c = 0; c < 6; ++c) {
    children.push_back(std::make_unique<Child>([&, c](Channel& out) {
      // Opened and closed again and again: makers, first and last users meet.
      for (int i = 0; i < 10; ++i) {
        auto store = Store::open(directory.path(), Store::Mode::create);
        require(put_one(*store, make_sample(c * 10 + i)).error.empty(), "not written");
        out.send(c * 10 + i);
      }
    }));
  }
  for (const auto& child : children) child->start();
  std::size_t written = 0;
  for (const auto& child : children) written += child->receive_all().size();
  for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
  EXPECT_EQ(written, 60u);
  auto store = Store::open(directory.path(), Store::Mode::write);
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(find_one(*store, identity(i))) << i;
  store.reset();
  EXPECT_EQ(contents(directory.path()).size(), 1u) << "no draft is left";
}

}  // namespace
}  // namespace cope::store_test
