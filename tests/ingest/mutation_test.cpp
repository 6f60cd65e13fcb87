// Seeded mutations of generated and real captures through the fuzzers' checks, for compilers without
// libFuzzer.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_walk.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

// Rounds, not time, bound the work, so that a seed always gives the same inputs.
constexpr int kRounds = 1500;

/// What usually breaks readers: flipped bits, extreme numbers, parts removed, repeated, overwritten by
/// others, cut.
void mutate(Bytes& bytes, Random& random) {
  constexpr std::uint32_t kNumbers[] = {0,  1,  0x7fffffff, 0xffffffff, 0xfffffff0, 16,
                                        28, 32, 262144,     262145,     1 << 20,    1 << 24};
  for (std::uint32_t i = 0, count = 1 + random() % 6; i < count && bytes.size() > 8; ++i) {
    const std::size_t at = random() % (bytes.size() - 4),
                      size = 1 + random() % std::min<std::size_t>(200, bytes.size() - at);
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at),
               to = from + static_cast<std::ptrdiff_t>(size);
    switch (random() % 6) {
      case 0:
        bytes[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
        break;
      case 1: {
        Bytes number;
        put(number, kNumbers[random() % std::size(kNumbers)], 4, random() % 2);
        std::copy(number.begin(), number.end(), from);
        break;
      }
      case 2:
        bytes.erase(from, to);
        break;
      case 3: {
        const Bytes part(from, to);
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(random() % bytes.size()), part.begin(),
                     part.end());
        break;
      }
      case 4:
        for (auto p = from; p != to; ++p) *p = static_cast<std::uint8_t>(random());
        break;
      default:
        if (random() % 4 == 0) bytes.resize(at);
        break;
    }
  }
}

struct Seed {
  std::string name;
  Bytes bytes;
};

std::vector<Seed> seeds() {
  Random random(41);
  std::vector<Seed> all;
  for (const std::uint32_t magic : {0xa1b2c3d4u, 0xa1b23c4du, 0xa1b2cd34u}) {
    for (const bool big : {false, true}) {
      all.push_back({"pcap", ordinary_pcap(random, 60, {"", magic, big, 1, 262144, 4}).bytes});
    }
  }
  for (const bool big : {false, true}) all.push_back({"pcapng", ordinary_pcapng(random, 60, big).bytes});
  if (have_shared_data()) {
    for (const auto& entry : fs::directory_iterator(shared_data() / "edge")) {
      if (entry.file_size() < 20'000 && entry.path().extension() != ".csv") {
        all.push_back({entry.path().filename().string(), read_bytes(entry.path())});
      }
    }
    std::sort(all.begin() + 8, all.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  }
  return all;
}

TEST(Mutations, OfCapturesNeverBreakAWalk) {
  constexpr std::uint32_t kSeed = 42;
  const auto all = seeds();
  Random random(kSeed);
  for (int round = 0; round < 4 * kRounds; ++round) {
    const Seed& seed = all[random() % (round % 2 ? all.size() : 8)];
    Bytes bytes = seed.bytes;
    mutate(bytes, random);
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round) + " of " + seed.name);
    fuzz::check_capture(bytes.data(), bytes.size());
  }
}

TEST(Mutations, OfGzipStreamsNeverBreakAWalk) {
  constexpr std::uint32_t kSeed = 43;
  const auto all = seeds();
  Random random(kSeed);
  for (int round = 0; round < kRounds; ++round) {
    const Seed& seed = all[random() % 8];
    Bytes bytes = gzip_member(prefix(seed.bytes, seed.bytes.size() / 2));
    append(bytes, gzip_member(Bytes(seed.bytes.begin() + static_cast<std::ptrdiff_t>(seed.bytes.size() / 2),
                                    seed.bytes.end())));
    mutate(bytes, random);
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round) + " of " + seed.name);
    fuzz::check_gzip(bytes.data(), bytes.size());
  }
}

}  // namespace
}  // namespace tidegauge
