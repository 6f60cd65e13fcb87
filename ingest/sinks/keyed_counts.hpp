// The two ways in which KeyedSink counts what it keeps: on the core that walks (CoreCounts), or in the batches of a device
// (BatchCounts). The rows of both are equal.
//   enter(k)        what is counted from now on belongs to interval k
//   count(packet)   one kept packet that was asked for
//   rows(), keyed_bytes()  about how much waits to be taken
//   take()          moves it out; enter() follows before anything is counted
// Not thread-safe. Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ingest/sinks/counter_pool.hpp"
#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/keyed_counter.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "kernels/binning/batch_writer.hpp"
#include "kernels/binning/interval_counter.hpp"

namespace tidegauge {

/// What a record counts if it is kept and was asked for.
struct KeyedPacket {
  PackedPacket packed{};
  KeyPlan::Codes codes{};
  bool addressed = false;
  std::uint64_t source_hash = 0, destination_hash = 0;
};

class CoreCounts {
 public:
  CoreCounts(const KeyedOptions& options, RowPortions&)
      : dimensions_(static_cast<std::uint32_t>(options.by.size())),
        keyed_(options.by.size(), options.held ? options.held->capacity : 0) {}

  void enter(std::int64_t k) {
    rows_.enter(k);
    keyed_.enter(k);
  }
  void count(const KeyedPacket& packet) {
    rows_.count(packet.packed);
    for (std::uint32_t i = 0; i < dimensions_; ++i) keyed_.count(packet.codes[i], packet.packed.wire_bytes);
    if (!packet.addressed) return;
    keyed_.see(KeyedRow::sources, packet.source_hash);
    keyed_.see(KeyedRow::destinations, packet.destination_hash);
  }
  std::size_t rows() const { return rows_.rows(); }
  std::size_t keyed_bytes() const { return keyed_.bytes_held(); }
  CountedRows take() { return {rows_.take(), keyed_.take()}; }

 private:
  std::uint32_t dimensions_;
  IntervalCounter rows_;
  KeyedCounter keyed_;
};

class BatchCounts {
 public:
  /// What the pool's counters have to have room for.
  static BatchShape shape_of(const KeyedOptions& options) {
    return {.dimensions = static_cast<std::uint32_t>(options.by.size()), .distinct = options.distinct};
  }

  BatchCounts(const KeyedOptions& options, RowPortions& portions, CounterPool& pool)
      : shape_(shape_of(options)), loan_(pool.lend()), writer_(*loan_), portions_(portions) {
    if (const auto failure = pool.failure()) portions.fail(*failure);
  }

  void enter(std::int64_t k) { writer_.enter(k); }
  void count(const KeyedPacket& packet) {
    if (!writer_.write(packet.packed.wire_bytes, packet.packed.ip_bytes, packet.packed.bits)) return count_large(packet);
    for (std::uint32_t i = 0; i < shape_.dimensions; ++i)
      writer_.key(i, static_cast<std::uint32_t>(packet.codes[i].code));
    if (shape_.distinct)
      writer_.addresses(packet.addressed ? address_entries(entry_of(packet.source_hash), entry_of(packet.destination_hash)) : 0);
  }
  std::size_t rows() const { return writer_.rows(); }
  std::size_t keyed_bytes() const {
    const bool keyed = shape_.dimensions != 0 || shape_.distinct;
    return writer_.keyed_bytes() + (keyed ? writer_.rows() * RowPortions::empty_keyed_row_bytes : 0);
  }
  CountedRows take() {
    auto counted = writer_.take();
    if (counted) return *std::move(counted);
    loan_.fail(counted.error());
    portions_.fail(counted.error());
    return {};
  }

 private:
  static Hll::Entry entry_of(std::uint64_t hash) { return Hll::entry(sketch::register_of(hash), sketch::rank_of(hash)); }

  TG_COLD void count_large(const KeyedPacket& packet) {
    writer_.count_large(packet.packed);
    KeyedRow one;
    for (std::uint32_t i = 0; i < shape_.dimensions; ++i)
      one.counts.push_back({packet.codes[i].dimension, packet.codes[i].code, 1, packet.packed.wire_bytes});
    if (packet.addressed) {
      one.addresses[KeyedRow::sources].add(packet.source_hash);
      one.addresses[KeyedRow::destinations].add(packet.destination_hash);
    }
    writer_.large_keys() += std::move(one);
  }

  BatchShape shape_;
  CounterPool::Loan loan_;
  BatchWriter writer_;
  RowPortions& portions_;
};

}  // namespace tidegauge
