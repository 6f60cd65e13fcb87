#include "ingest/source/pieces.hpp"

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

Expected<std::vector<std::uint64_t>> find_pieces(const std::string& path, std::uint64_t piece_bytes) {
  std::vector<std::uint64_t> pieces{0};
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  if (!(*source)->compression().empty()) return pieces;
  // The last piece is not a sliver.
  while (pieces.back() + 2 * piece_bytes <= (*source)->input_total()) pieces.push_back(pieces.back() + piece_bytes);
  return pieces;
}

}  // namespace tidegauge
