// gzip (RFC 1952) by ISA-L.
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "ingest/source/decoder.hpp"
#include "ingest/source/gzip_end.hpp"
#include "ingest/source/gzip_state.hpp"

namespace tidegauge {
namespace {

class GzipDecoder final : public Decoder {
 public:
  void begin_unit() override {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;  // header and trailer are parsed, CRC and length compared
  }
  DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) override;
  std::size_t take_held_back(std::span<std::uint8_t> out) override;
  std::vector<std::uint8_t> save_state() const override { return save_gzip_state(state_); }
  Status restore_state(std::span<const std::uint8_t> saved) override {
    return restore_gzip_state(state_, saved);
  }

 private:
  DecodeStep broken(std::span<const std::uint8_t> in, std::span<std::uint8_t> out);

  inflate_state state_{};
  GzipMark before_call_;
};

DecodeStep GzipDecoder::decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) {
  before_call_.set(state_);
  const auto room = static_cast<std::uint32_t>(
      std::min<std::size_t>(out.size(), std::numeric_limits<std::uint32_t>::max()));
  state_.next_in = const_cast<std::uint8_t*>(in.data());
  state_.avail_in = static_cast<std::uint32_t>(in.size());
  state_.next_out = out.data();
  state_.avail_out = room;
  const int code = isal_inflate(&state_);
  if (code == ISAL_INVALID_BLOCK || code == ISAL_INVALID_SYMBOL || code == ISAL_INVALID_LOOKBACK) return broken(in, out);
  // ISA-L moves back what it held of the bytes behind the unit.
  const auto left = static_cast<std::int32_t>(state_.avail_in);
  DecodeStep step{static_cast<std::ptrdiff_t>(in.size()) - left, room - state_.avail_out, DecodeStep::End::none};
  if (code == ISAL_INCORRECT_CHECKSUM) {
    step.end = DecodeStep::End::wrong_checksum;
  } else if (code != ISAL_DECOMP_OK) {
    step.end = DecodeStep::End::broken;
  } else if (state_.block_state == ISAL_BLOCK_FINISH) {
    step.end = DecodeStep::End::unit;
  } else if (last) {
    step.written += take_whole_literals(state_, out.subspan(step.written));
  }
  return step;
}

/// ISA-L wrote all that comes before the fault, to `out` and to its own buffer, and then some.
DecodeStep GzipDecoder::broken(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  const auto used = static_cast<std::size_t>(state_.next_in - in.data());
  const GzipMark::Fault fault = before_call_.find_fault(in, std::min(used, in.size()));
  const auto reached = static_cast<std::uint64_t>(state_.next_out - out.data());
  const auto written = static_cast<std::size_t>(std::min(fault.bytes, reached));
  state_.tmp_out_valid =
      std::min(state_.tmp_out_valid, state_.tmp_out_processed + static_cast<std::int32_t>(fault.bytes - written));
  return {fault.taken, written, DecodeStep::End::broken};
}

/// ISA-L returns at a fault at once, also while what it inflated before lies in its own buffer.
std::size_t GzipDecoder::take_held_back(std::span<std::uint8_t> out) {
  const auto held = static_cast<std::size_t>(std::max(0, state_.tmp_out_valid - state_.tmp_out_processed));
  const std::size_t taken = std::min(held, out.size());
  std::memcpy(out.data(), state_.tmp_out_buffer + state_.tmp_out_processed, taken);
  state_.tmp_out_processed += static_cast<std::int32_t>(taken);
  return taken;
}

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder() { return std::make_unique<GzipDecoder>(); }

}  // namespace tidegauge
