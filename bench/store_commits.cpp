// Durable samples per second: commits of up to 512 rows against one commit a row, on the same disk in the same run.
//
//   store_commits [directory]      the directory must be on the disk to be measured; default: the system's temporary one
//
// Both go through cope::Store, with 1,024 writes outstanding, and count a row when its callback runs, which is after its fsync. Rounds alternate, and
// the medians are printed, because a disk's speed changes from second to second.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <semaphore>
#include <stdexcept>
#include <string>

#include "cope/store/store.h"

namespace {

namespace fs = std::filesystem;

constexpr int rounds = 5;
constexpr int grouped_rows = 20'000;
constexpr int single_rows = 500;
constexpr std::ptrdiff_t outstanding = 1'024;

double rows_per_s(const fs::path& directory, std::size_t group_rows, int rows) {
  fs::remove_all(directory);
  double seconds = 0;
  {
    auto store = cope::Store::open(directory.string(), cope::Store::Mode::create, {.group_rows = group_rows});
    std::counting_semaphore<outstanding> room(outstanding);
    const std::string text(600, 't');  // a worked solution of about 150 tokens
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rows; ++i) {
      room.acquire();
      cope::Sample sample;
      sample.identity = cope::sha256(std::to_string(i));
      sample.text = text;
      store->put({std::move(sample)}, std::nullopt, [&room](const cope::Written& written) {
        if (!written.error.empty()) throw std::runtime_error(written.error);
        room.release();
      });
    }
    store->flush();
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  fs::remove_all(directory);
  return rows / seconds;
}

double median(std::array<double, rounds> values) {
  std::nth_element(values.begin(), values.begin() + rounds / 2, values.end());
  return values[rounds / 2];
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const fs::path directory = (argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path()) / "cope-store-commits";
    std::array<double, rounds> grouped{};
    std::array<double, rounds> single{};
    for (std::size_t round = 0; round < rounds; ++round) {
      grouped[round] = rows_per_s(directory, 512, grouped_rows);
      single[round] = rows_per_s(directory, 1, single_rows);
    }
    std::printf(R"({"bench": "store_commits", "grouped_rows_per_s": %.0f, "single_rows_per_s": %.0f, "ratio": %.1f})"
                "\n",
                median(grouped), median(single), median(grouped) / median(single));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "store_commits: %s\n", error.what());
    return 1;
  }
}
