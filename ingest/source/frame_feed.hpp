// How zstd's and lz4's decoders are fed, so that nothing that was decoded before a fault is lost.
//
// Both report a fault without saying how much they wrote and took in that call. So a call is given no more than what
// they asked for, less the header of the next block that they ask for on top: then a faulty call has written nothing.
#pragma once

#include <algorithm>
#include <cstddef>

namespace tidegauge {

class FrameFeed {
 public:
  FrameFeed(std::size_t first_bytes, std::size_t block_header_bytes)
      : first_bytes_(first_bytes), block_header_bytes_(block_header_bytes), wanted_(first_bytes) {}

  void begin_frame() {
    wanted_ = first_bytes_;
    flushing_ = false;
  }
  /// Bytes of input to give now. None while the last call filled the output: the rest of it comes out first.
  std::size_t next(std::size_t available) const { return flushing_ ? 0 : std::min(available, wanted_); }
  /// A call asked for `hint` bytes next, and wrote all that there was room for or not.
  void answered(std::size_t hint, bool output_full) {
    wanted_ = hint > block_header_bytes_ ? hint - block_header_bytes_ : hint;
    flushing_ = output_full;
  }

 private:
  std::size_t first_bytes_, block_header_bytes_, wanted_;
  bool flushing_ = false;
};

}  // namespace tidegauge
