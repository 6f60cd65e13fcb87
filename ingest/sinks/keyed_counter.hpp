// Counts packets by key, and the addresses of an interval, on one core, one interval at a time.
//
// Problem: a map of (interval, key) a packet is slow, and a dense table of every interval too large. Model: dense tables
// for the current interval only (its keys are codes from 0 on, see key_plan.hpp), with a list of the cells touched;
// leaving the interval moves the touched cells out. So a packet costs one addition a dimension, an interval as much as it
// has keys. Returning to an interval (late packets) leaves a second piece of it; take() joins the pieces.
// Keys without a list are far too many for that: a table of a fixed number of them a dimension and piece (SpaceSaving).
// Memory: 16 bytes times the largest code seen, a dimension; and what waits to be taken, see bytes_held().
// Not thread-safe. Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/keyed_rows.hpp"
#include "kernels/sketch/space_saving.hpp"

namespace tidegauge {

class KeyedCounter {
 public:
  /// @param held keys of a dimension that are counted without a list
  explicit KeyedCounter(std::size_t dimensions, std::size_t held = 0)
      : tables_(dimensions), held_(held == 0 ? 0 : dimensions, SpaceSaving(std::max<std::size_t>(held, 1))) {}

  /// What is counted from now on belongs to interval `k`.
  void enter(std::int64_t k) {
    if (entered_ && k == k_) return;
    fold();
    k_ = k;
    entered_ = true;
  }

  void count(const CountedKey& key, std::uint32_t wire_bytes) {
    const std::uint32_t index = KeyPlan::index_of(key.dimension);
    if (index != key.dimension) return held_[index].add(KeyPlan::space_of(key.dimension), key.code, wire_bytes);
    Table& table = tables_[index];
    if (key.code >= table.cells.size()) table.cells.resize(key.code + 1);
    Cell& cell = table.cells[key.code];
    if (cell.packets == 0) table.touched.push_back(static_cast<std::uint32_t>(key.code));
    cell.packets += 1;
    cell.bytes += wire_bytes;
  }
  /// @param which KeyedRow::sources or destinations
  void see(std::size_t which, std::uint64_t hash) {
    Registers& sketch = sketches_[which];
    const std::uint32_t place = sketch::register_of(hash);
    const auto rank = static_cast<std::uint8_t>(sketch::rank_of(hash));
    std::uint8_t& held = sketch.ranks[place];
    if (rank <= held) return;
    if (held == 0) sketch.touched.push_back(place);
    held = rank;
  }

  /// About how much waits to be taken.
  std::size_t bytes_held() const { return bytes_held_; }

  /// Moves out what was counted since the last take; enter() follows before anything is counted.
  KeyedRows take() {
    fold();
    entered_ = false;
    bytes_held_ = 0;
    for (auto& [k, row] : rows_) normalise(row.counts);
    return std::exchange(rows_, {});
  }

 private:
  struct Cell {
    std::uint64_t packets = 0, bytes = 0;
  };
  struct Table {
    std::vector<Cell> cells;
    std::vector<std::uint32_t> touched;
  };
  struct Registers {
    std::array<std::uint8_t, sketch::registers> ranks{};
    std::vector<std::uint32_t> touched;
  };

  TG_COLD void fold() {
    if (!entered_) return;
    KeyedRow& row = rows_[k_];
    bytes_held_ += RowPortions::empty_keyed_row_bytes;
    for (std::uint32_t dimension = 0; dimension < tables_.size(); ++dimension) {
      Table& table = tables_[dimension];
      bytes_held_ += table.touched.size() * sizeof(KeyCount);
      for (const std::uint32_t code : table.touched) {
        const Cell cell = std::exchange(table.cells[code], {});
        row.counts.push_back({dimension, code, cell.packets, cell.bytes});
      }
      table.touched.clear();
    }
    for (std::uint32_t dimension = 0; dimension < held_.size(); ++dimension) fold_held(row, dimension);
    for (std::size_t which = 0; which < sketches_.size(); ++which) {
      Registers& sketch = sketches_[which];
      bytes_held_ += sketch.touched.size() * sizeof(Hll::Entry);
      for (const std::uint32_t place : sketch.touched)
        row.addresses[which].raise(place, std::exchange(sketch.ranks[place], std::uint8_t{0}));
      sketch.touched.clear();
    }
  }

  void fold_held(KeyedRow& row, std::uint32_t dimension) {
    SpaceSaving& held = held_[dimension];
    bytes_held_ += (held.held().size() + 2) * sizeof(KeyCount);
    for (const SpaceSaving::Held& key : held.held())
      row.counts.push_back({dimension | key.space << KeyPlan::space_shift, key.code, key.counted.packets, key.counted.bytes});
    const auto special = [&](KeyPlan::Special which, const SpaceSaving::Counts& counts) {
      if (counts.packets != 0) row.counts.push_back({dimension, which, counts.packets, counts.bytes});
    };
    special(KeyPlan::held_other, held.other());
    special(KeyPlan::held_missed, held.missed());
    held.clear();
  }

  std::vector<Table> tables_;
  std::vector<SpaceSaving> held_;  ///< a dimension, where there are keys without a list
  std::array<Registers, 2> sketches_;
  KeyedRows rows_;  ///< counts in any order until taken
  std::int64_t k_ = 0;
  bool entered_ = false;
  std::size_t bytes_held_ = 0;
};

}  // namespace tidegauge
