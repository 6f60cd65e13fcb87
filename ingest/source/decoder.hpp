// What the compression formats share: units (gzip members, zstd and lz4 frames, xz and bzip2 streams) that
// follow one another, each decoded from memory to memory. The loop around them is DecompressingSource.
//
// A decoder belongs to one thread. Cost: one virtual call per input buffer or per block of the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

inline constexpr std::ptrdiff_t kMostGivenBack = 8;

/// What one call to decode() came to.
struct DecodeStep {
  enum class End {
    none,            ///< the unit goes on
    unit,            ///< the unit is complete, its checksums are right
    wrong_checksum,  ///< complete, but a checksum is not; what follows can be read
    broken,          ///< nothing more can be decoded
    refused,         ///< sound as far as can be told, but not read here; refusal() says why
  };
  /// Bytes of input used up. Less than none where a unit ended, or was found broken, in bytes that an earlier call took
  /// and held: they are given back, at most kMostGivenBack.
  std::ptrdiff_t taken = 0;
  std::size_t written = 0;  ///< bytes of output given
  End end = End::none;
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  virtual void begin_unit() = 0;

  /// `last`: no input comes after `in`. A step that takes and writes nothing although there is input and room
  /// is a fault of the data.
  virtual DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) = 0;

  /// After `broken`: what was decoded before the fault and not yet given. 0 once all is out.
  virtual std::size_t take_held_back(std::span<std::uint8_t>) { return 0; }

  /// After `refused`: what the data needs ("needs a window of more than 128 MiB").
  virtual std::string refusal() const { return {}; }

  /// The decoder as it is between two calls, to go on in another run; empty where that is not possible.
  virtual std::vector<std::uint8_t> save_state() const { return {}; }
  virtual Status restore_state(std::span<const std::uint8_t>) {
    return Error{"this format cannot be read from the middle of a unit", "", ""};
  }
};

/// More memory than this for the window (zstd) or dictionary (xz) of one stream is refused. 128 MiB is what
/// `zstd --ultra` makes and twice what `xz -9` does.
inline constexpr unsigned kMaxWindowLog = 27;

std::unique_ptr<Decoder> make_gzip_decoder();
std::unique_ptr<Decoder> make_zstd_decoder();
std::unique_ptr<Decoder> make_xz_decoder();
std::unique_ptr<Decoder> make_bzip2_decoder();
std::unique_ptr<Decoder> make_lz4_decoder();

}  // namespace tidegauge
