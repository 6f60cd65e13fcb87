#include "ingest/source/pieces.hpp"

#include <algorithm>
#include <filesystem>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/entry_point.hpp"

namespace tidegauge {
namespace {

constexpr std::uint64_t kLeastPiece = std::uint64_t{4} << 20, kLargestPiece = std::uint64_t{32} << 20;

std::uint64_t usual_piece(std::uint64_t capture_bytes) {
  return std::clamp(capture_bytes / 64, kLeastPiece, kLargestPiece);
}

}  // namespace

Expected<std::vector<std::uint64_t>> find_pieces(const std::string& path, std::uint64_t piece_bytes, bool compressed_too) {
  std::error_code none;
  const std::uint64_t size = std::filesystem::is_regular_file(path, none) ? std::filesystem::file_size(path, none) : 0;
  std::vector<std::uint64_t> pieces{0};
  if (none || size < (piece_bytes == 0 ? kLeastPiece / kUsualCompression : piece_bytes) / 2) return pieces;
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  const bool compressed = !(*source)->compression().empty();
  if (piece_bytes == 0) piece_bytes = usual_piece(compressed ? kUsualCompression * size : size);
  if (compressed && !compressed_too) return pieces;
  if (compressed) {
    auto members = find_member_starts(path, piece_bytes / kUsualCompression);
    if (!members) return std::move(members).error();
    return std::move(members->input_offsets);
  }
  // The last piece is not a sliver.
  while (pieces.back() + 2 * piece_bytes <= size) pieces.push_back(pieces.back() + piece_bytes);
  return pieces;
}

}  // namespace tidegauge
