// Which conversation speaks next: a protocol by its share of the packets, then one of its conversations by
// Zipf's law. Drawing the protocol first keeps the shares exact, however unevenly the conversations are
// loved.
#pragma once

#include <cstdint>
#include <vector>

#include "ingest/synthetic/conversation.hpp"
#include "ingest/synthetic/synthetic.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge::synthetic {

/// Draws index i with probability proportional to weight[i] in constant time (Vose 1991).
class AliasTable {
 public:
  explicit AliasTable(const std::vector<double>& weights);
  std::size_t draw(RandomStream& random) const {
    const std::uint64_t bits = random();
    const auto cell = static_cast<std::size_t>(((bits >> 32) * cells_.size()) >> 32);
    return static_cast<std::uint32_t>(bits) < cells_[cell].keep ? cell : cells_[cell].other;
  }

 private:
  struct Cell {
    std::uint32_t keep = ~0u, other = 0;
  };
  std::vector<Cell> cells_;
};

class TrafficMix {
 public:
  explicit TrafficMix(const SynthSettings& settings);
  /// Writes the next packet to `out` (packet_room bytes). @return its wire length.
  std::uint32_t write_usual(std::uint8_t* out) {
    Group& group = groups_[protocols_.draw(random_)];
    return group.conversations[group.popularity.draw(random_)].write_next(out, random_);
  }
  std::uint32_t write_flood(std::uint8_t* out) { return victim_.write_flood_syn(out, random_); }
  /// The stream that all packets draw from.
  RandomStream& random() { return random_; }

 private:
  struct Group {
    AliasTable popularity;
    std::vector<Conversation> conversations;
  };
  std::vector<Group> groups_;
  AliasTable protocols_;
  RandomStream random_;
  Conversation victim_;
};

}  // namespace tidegauge::synthetic
