#include <cmath>
#include <set>

#include "kernels/core/random.hpp"
#include "kernels/sketch/hll.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double standard_error = 0.01625;  // 1.04 / sqrt(4096)

std::vector<std::uint8_t> encoded(const Hll& sketch) {
  std::vector<std::uint8_t> bytes;
  sketch.encode(bytes);
  return bytes;
}

/// A sketch straight from the definition: 4096 maxima of leading zeros, counted bit by bit.
std::vector<std::uint8_t> naive_registers(const std::vector<std::uint64_t>& hashes) {
  std::vector<std::uint8_t> ranks(4096);
  for (const std::uint64_t hash : hashes) {
    std::uint8_t rank = 1;
    for (int bit = 51; bit >= 0 && !(hash >> bit & 1); --bit) ++rank;
    auto& held = ranks[static_cast<std::size_t>(hash >> 52)];
    held = std::max(held, rank);
  }
  return ranks;
}

TEST(Sketch, RegistersAreThoseOfTheDefinition) {
  RandomStream random(1, 0);
  for (const std::size_t n : {0u, 1u, 2u, 100u, 1024u, 1025u, 1500u, 50'000u}) {
    Hll sketch;
    std::vector<std::uint64_t> hashes(n);
    for (auto& hash : hashes) {
      hash = random();
      if (random.below(4) == 0) hash &= ~0ull << (52 - random.below(53));  // high ranks
      sketch.add(hash);
    }
    const auto wanted = naive_registers(hashes);
    std::vector<std::uint8_t> got(4096);
    for (const Hll::Entry e : sketch.entries()) got[Hll::place_of(e)] = static_cast<std::uint8_t>(Hll::rank_of(e));
    ASSERT_EQ(got, wanted) << n;
  }
}

TEST(Sketch, MergeIsExactlyTheUnion) {
  RandomStream random(2, 0);
  for (int round = 0; round < 60; ++round) {
    Hll all;
    std::vector<Hll> parts(1 + random.below(5));
    for (Hll& part : parts) {
      const std::size_t n = random.below(round % 2 ? 3000 : 300);
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t hash = mix64(random.below(2000));  // some in several parts
        part.add(hash);
        all.add(hash);
      }
    }
    Hll merged;
    while (!parts.empty()) {  // in any order
      const std::size_t i = random.below(parts.size());
      merged.merge(parts[i]);
      merged.merge(parts[i]);  // twice is once
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    }
    ASSERT_EQ(merged, all);
    ASSERT_EQ(encoded(merged), encoded(all)) << "the encoding is a function of the content, round " << round;
    ASSERT_EQ(merged.estimate(), all.estimate());
  }
}

TEST(Sketch, EstimatesWithinThreeStandardErrors) {
  for (const std::uint32_t start : {0x0a000000u, 0xc0a80000u, 7u}) {
    Hll sketch;
    std::uint32_t added = 0;
    for (const std::uint32_t n : {1u, 2u, 5u, 10u, 100u, 1'000u, 3'000u, 10'000u, 30'000u, 100'000u, 300'000u, 1'000'000u}) {
      while (added < n) sketch.add(sketch::hash_ipv4(start + added++));  // neighbours, as a scan has them
      const double error = std::abs(sketch.estimate() / n - 1);
      EXPECT_LE(error, 3 * standard_error) << n << " from " << start;
      EXPECT_TRUE(n > 10 || error * n < 0.5) << n << ": few are counted exactly";
    }
  }
  EXPECT_EQ(Hll().estimate(), 0);
}

// Over many sketches the error averages out and has the stated size.
TEST(Sketch, IsUnbiasedWithTheStatedError) {
  constexpr int sketches = 200;
  for (const std::uint64_t n : {200u, 2'000u, 12'000u, 40'000u}) {
    double sum = 0, squares = 0;
    for (std::uint64_t s = 0; s < sketches; ++s) {
      Hll sketch;
      for (std::uint64_t i = 0; i < n; ++i) sketch.add(sketch::hash_ipv6(s, i));
      const double error = sketch.estimate() / static_cast<double>(n) - 1;
      sum += error, squares += error * error;
    }
    EXPECT_LT(std::abs(sum / sketches), 4 * standard_error / std::sqrt(sketches)) << n;
    EXPECT_LT(std::sqrt(squares / sketches), 1.2 * standard_error) << n;
  }
}

TEST(Sketch, FamiliesAndHalvesAreDistinct) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t a = 0; a < 100; ++a) {
    hashes.insert(sketch::hash_ipv4(static_cast<std::uint32_t>(a)));
    for (std::uint64_t b = 0; b < 100; ++b) hashes.insert(sketch::hash_ipv6(a, b));
  }
  EXPECT_EQ(hashes.size(), 100u + 100u * 100u);
  // The hash is part of the file format: it may never change.
  EXPECT_EQ(sketch::hash_ipv4(0x0a000001), 0x6278835d7ee02fcbu);
  EXPECT_EQ(sketch::hash_ipv6(0x20010db800000000, 1), 0xd4e2dfaaa0febef8u);
}

TEST(Sketch, EncodingReadsBackAndGarbageDoesNot) {
  RandomStream random(3, 0);
  for (const std::size_t n : {0u, 1u, 700u, 1024u, 1600u, 20'000u}) {
    Hll sketch;
    for (std::size_t i = 0; i < n; ++i) sketch.add(random());
    auto bytes = encoded(sketch);
    bytes.push_back(77);
    std::span<const std::uint8_t> rest(bytes);
    const auto read = Hll::decode(rest);
    ASSERT_TRUE(read) << n;
    EXPECT_EQ(*read, sketch);
    EXPECT_EQ(encoded(*read), encoded(sketch));
    EXPECT_EQ(rest.size(), 1u);
    for (std::size_t cut = 0; cut + 1 < bytes.size(); cut += 1 + cut / 7) {
      std::span<const std::uint8_t> less(bytes.data(), cut);
      EXPECT_FALSE(Hll::decode(less)) << n << " cut to " << cut;
    }
  }
  for (const std::vector<std::uint8_t>& bad : {std::vector<std::uint8_t>{2}, {0, 1, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 54},
                                               {0, 1, 0, 0, 16, 1}, {0, 2, 0, 5, 0, 1, 5, 0, 2}, {0, 1, 4}}) {
    std::span<const std::uint8_t> rest(bad);
    EXPECT_FALSE(Hll::decode(rest));
  }
}

}  // namespace
}  // namespace tidegauge
