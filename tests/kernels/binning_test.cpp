#include "kernels/binning/binning.hpp"

#include <map>
#include <vector>

#include "kernels/binning/batch_writer.hpp"
#include "kernels/binning/binning_rule.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "kernels/core/random.hpp"
#include "tests/oracle/naive_counts.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using Rows = std::map<std::int64_t, IntervalRow>;

struct Counted {
  HeaderFacts facts;
  std::uint32_t wire_bytes;
  bool late, backward;
  std::int64_t k;
};

std::uint32_t order_bits(const Counted& packet) {
  return (packet.late ? binning::late_bit : 0) | (packet.backward ? binning::backward_bit : 0);
}

// Every kind, order and flag byte, at every edge of the size histogram and of 32 bits.
TEST(Binning, EveryPackedPacketAddsWhatTheColumnsSay) {
  for (std::uint32_t kind = 0; kind < 4 * 3 * 4 * 4; ++kind) {
    for (std::uint32_t flags = 0; flags < 256; ++flags) {
      const HeaderFacts facts{static_cast<Transport>(kind % 4),
                              static_cast<IpFamily>(kind / 4 % 3),
                              static_cast<std::uint8_t>(flags),
                              (kind / 12 & 1) != 0,
                              (kind / 24 & 1) != 0,
                              kind * flags,
                              static_cast<std::uint8_t>(kind % 5)};
      const bool late = kind / 48 & 1, backward = kind / 96 & 1;
      const std::uint32_t wire = 60 + flags;
      IntervalRow row;
      count_packet(row,
                   binning::pack(wire, facts,
                                 (late ? binning::late_bit : 0) | (backward ? binning::backward_bit : 0)));
      ASSERT_EQ(row, oracle::row_of_packet(facts, wire, late, backward))
          << "kind " << kind << " flags " << flags;
    }
  }
  for (const std::uint32_t wire : {0u, 1u, 63u, 64u, 127u, 128u, 255u, 256u, 511u, 512u, 1023u, 1024u, 2047u,
                                   2048u, 65'535u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    const HeaderFacts facts{Transport::udp, IpFamily::v6, 0, false, false, 0xffffffff};
    IntervalRow row;
    count_packet(row, binning::pack(wire, facts, 0));
    EXPECT_EQ(row, oracle::row_of_packet(facts, wire)) << wire;
  }
}

// A word of the counter holds 2^22 packets of less than 2^20 bytes: one more folds it, of any size class, and where only
// the flag word is full because the packets alternate between classes. Larger packets go another way.
TEST(Binning, WordsOfTheCounterFoldBeforeTheyOverflow) {
  constexpr std::uint64_t word = 1 << 22, largest = (1 << 20) - 1;
  const struct {
    std::uint64_t packets;
    std::uint32_t one, other, ip_bytes;
  } rows[] = {{word - 1, largest, largest, largest},  {word, largest, largest, largest},
              {word + 1, largest, largest, largest},  {2 * word + 5, 40, 1500, largest},
              {2 * word + 1, 0, 0, 0},                {5000, 0xffffffff, 1 << 20, 0xffffffff},
              {word + 1, largest + 1, 64, largest},   {word + 1, 100, 64, largest + 1}};
  for (const auto& row : rows) {
    IntervalCounter counter;
    counter.enter(7);
    const HeaderFacts facts{Transport::tcp, IpFamily::v6, tcp_flag::syn, false, true, row.ip_bytes};
    const PackedPacket packets[2] = {binning::pack(row.one, facts, 0), binning::pack(row.other, facts, binning::late_bit)};
    for (std::uint64_t i = 0; i < row.packets; ++i) counter.count(packets[i & 1]);
    EXPECT_EQ(counter.counted(), row.packets);
    const std::uint64_t others = row.packets / 2, ones = row.packets - others;
    const IntervalRow one = oracle::row_of_packet(facts, row.one), other = oracle::row_of_packet(facts, row.other, true);
    const Rows counted = counter.take();
    ASSERT_EQ(counted.size(), 1u);
    for (std::size_t c = 0; c < column_count; ++c) {
      const auto column = static_cast<Column>(c);
      EXPECT_EQ(counted.at(7)[column], ones * one[column] + others * other[column])
          << row.packets << " packets of " << row.one << " and " << row.other << ", column " << c;
    }
    EXPECT_EQ(counter.counted(), row.packets);
  }
}

std::vector<Counted> random_packets(std::size_t n, std::uint64_t seed, std::int64_t base_k,
                                    std::uint64_t intervals) {
  RandomStream random(seed, n);
  std::vector<Counted> packets(n);
  std::int64_t k = base_k;
  for (Counted& packet : packets) {
    if (random.below(9) == 0) k = base_k + static_cast<std::int64_t>(random.below(intervals));
    const bool tcp = random.below(2);
    packet.facts = {tcp ? Transport::tcp : static_cast<Transport>(random.below(4)),
                    static_cast<IpFamily>(random.below(3)),
                    static_cast<std::uint8_t>(tcp ? random() : 0),
                    random.below(7) == 0,
                    random.below(5) == 0,
                    static_cast<std::uint32_t>(random.below(70'000))};
    packet.wire_bytes = static_cast<std::uint32_t>(random() >> (32 + random.below(32)));
    packet.late = random.below(11) == 0;
    packet.backward = packet.late || random.below(11) == 0;
    packet.k = k;
  }
  return packets;
}

Rows naive(const std::vector<Counted>& packets) {
  Rows rows;
  for (const Counted& p : packets)
    rows[p.k] += oracle::row_of_packet(p.facts, p.wire_bytes, p.late, p.backward);
  return rows;
}

Rows by_interval_counter(const std::vector<Counted>& packets) {
  IntervalCounter counter;
  for (const Counted& p : packets) {
    counter.enter(p.k);
    if (order_bits(p))
      counter.count(binning::pack(p.wire_bytes, p.facts, order_bits(p)));
    else
      counter.count_in_order(p.wire_bytes, pack_facts(p.facts));
  }
  EXPECT_EQ(counter.counted(), packets.size());
  return counter.take();
}

Rows by_batches(const std::vector<Counted>& packets, const BatchShape& shape) {
  const auto counter = make_batch_counter_cpu(shape);
  BatchWriter writer(*counter);
  for (const Counted& p : packets) {
    writer.enter(p.k);
    const PackedPacket packed = binning::pack(p.wire_bytes, p.facts, order_bits(p));
    writer.count(packed.wire_bytes, packed.ip_bytes, packed.bits);
  }
  EXPECT_EQ(writer.counted(), packets.size());
  auto counted = writer.take();
  EXPECT_TRUE(counted && counted->keyed.empty());
  const auto nothing = writer.take();
  EXPECT_TRUE(nothing && nothing->rows.empty());
  return std::move(counted->rows);
}

TEST(Binning, BothPathsEqualTheOracleAtAwkwardSizes) {
  constexpr std::uint64_t seed = 5;
  for (const std::size_t n : {0u, 1u, 31u, 32u, 33u, 1023u, 1024u, 1025u, 20'000u}) {
    for (const std::int64_t base_k : {std::int64_t{0}, std::int64_t{-100}, std::int64_t{1'700'000'000}}) {
      const auto packets = random_packets(n, seed, base_k, 300);
      const Rows expected = naive(packets);
      EXPECT_EQ(by_interval_counter(packets), expected) << "seed " << seed << ", " << n << " packets";
      for (const BatchShape& shape : {BatchShape{1024, 2000, 300}, BatchShape{7, 2000, 300}, BatchShape{1024, 5, 300},
                                      BatchShape{1024, 2000, 1}, BatchShape{1, 1, 1}})
        EXPECT_EQ(by_batches(packets, shape), expected)
            << "seed " << seed << ", " << n << " packets in batches of " << shape.packets << ", " << shape.runs << " runs, "
            << shape.rows << " rows";
    }
  }
}

/// Refuses its second batch.
class FailingCounter final : public PacketBatchCounter {
 public:
  PacketBatch& batch() override { return inner_->batch(); }
  Status submit() override {
    if (++submitted_ == 2) return Error{"the card is lost", "there", ""};
    EXPECT_LT(submitted_, 2) << "nothing is submitted after an error";
    return inner_->submit();
  }
  Expected<CountedRows> take() override { return inner_->take(); }
  std::size_t keyed_bytes() const override { return 0; }

 private:
  std::unique_ptr<PacketBatchCounter> inner_ = make_batch_counter_cpu({.packets = 4});
  int submitted_ = 0;
};

TEST(Binning, AWriterRemembersItsCountersError) {
  FailingCounter counter;
  BatchWriter writer(counter);
  writer.enter(7);
  for (int i = 0; i < 50; ++i) writer.count(60, 46, 0);
  EXPECT_EQ(writer.counted(), 50u);
  for (int i = 0; i < 2; ++i) {
    const auto counted = writer.take();
    ASSERT_FALSE(counted);
    EXPECT_EQ(counted.error().what, "the card is lost");
  }
}

TEST(Binning, CountingGoesOnAfterATake) {
  IntervalCounter counter;
  const PackedPacket packet = binning::pack(100, {Transport::udp, IpFamily::v4, 0, false, false, 86}, 0);
  counter.enter(7);
  counter.count(packet);
  EXPECT_EQ(counter.take().at(7)[Column::packets], 1u);
  EXPECT_EQ(counter.rows(), 0u);
  counter.enter(7);
  counter.count(packet);
  counter.count(packet);
  EXPECT_EQ(counter.take().at(7)[Column::udp_bytes], 200u);
  EXPECT_EQ(counter.counted(), 3u);
}

}  // namespace
}  // namespace tidegauge
