#include "ingest/source/gzip_source.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace tidegauge {
namespace {

constexpr std::size_t kInputBytes = std::size_t{128} << 10;
constexpr std::array<std::uint8_t, 3> kMemberMagic{0x1f, 0x8b, 0x08};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)),
        input_(std::make_unique_for_overwrite<std::uint8_t[]>(kInputBytes)) {
    state_.next_in = input_.get();
    start_member();
  }

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::uint64_t input_done() const override { return compressed_->input_done() - state_.avail_in; }
  std::uint64_t input_total() const override { return compressed_->input_total(); }
  // ISA-L is fastest into 64 to 256 KiB (its window and tables stay in the second-level cache beside the
  // block).
  std::size_t block_bytes() const override { return std::size_t{256} << 10; }
  std::string compression() const override { return "gzip"; }
  const std::string& damage() const override { return damage_; }

 private:
  void start_member() {
    std::uint8_t* const next = state_.next_in;
    const std::uint32_t left = state_.avail_in;
    isal_inflate_init(&state_);
    state_.next_in = next;
    state_.avail_in = left;
    state_.crc_flag = ISAL_GZIP;  // header and trailer are parsed, CRC and length compared
    ++member_;
  }

  Status refill_input();
  Expected<bool> another_member();
  Status look_behind_the_last();
  Status member_ended();
  Status inflate_failed(int code);
  std::size_t take_held_back(std::uint8_t* out, std::size_t size);
  void note(const std::string& words) {
    if (damage_.empty()) {
      damage_ = "gzip member " + std::to_string(member_) + " " + words + " (compressed byte " +
                std::to_string(input_done()) + ")";
    }
  }

  std::unique_ptr<ByteSource> compressed_;
  std::unique_ptr<std::uint8_t[]> input_;
  inflate_state state_{};
  std::uint64_t member_ = 0;
  bool input_ended_ = false;
  bool broken_ = false;  ///< nothing more can be inflated, but some of it may still be held back
  bool ended_ = false;
  std::string damage_;
};

/// Keeps what is left and fills the buffer up behind it.
Status GzipSource::refill_input() {
  std::memmove(input_.get(), state_.next_in, state_.avail_in);
  state_.next_in = input_.get();
  auto got = compressed_->read(input_.get() + state_.avail_in, kInputBytes - state_.avail_in);
  if (!got) return std::move(got).error();
  input_ended_ = *got < kInputBytes - state_.avail_in;
  state_.avail_in += static_cast<std::uint32_t>(*got);
  return {};
}

Expected<bool> GzipSource::another_member() {
  if (state_.avail_in < kMemberMagic.size() && !input_ended_) TG_TRY(refill_input());
  return state_.avail_in >= kMemberMagic.size() &&
         std::memcmp(state_.next_in, kMemberMagic.data(), kMemberMagic.size()) == 0;
}

/// Zeros are padding. Anything else may be members whose first bytes are damaged: never dropped in silence.
Status GzipSource::look_behind_the_last() {
  for (;;) {
    while (state_.avail_in != 0 && *state_.next_in == 0) {
      ++state_.next_in;
      --state_.avail_in;
    }
    if (state_.avail_in != 0) {
      note("is followed by bytes that are no gzip member");
      return {};
    }
    if (input_ended_) return {};
    TG_TRY(refill_input());
  }
}

Status GzipSource::member_ended() {
  auto more = another_member();
  if (!more) return std::move(more).error();
  ended_ = !*more;
  if (ended_) return look_behind_the_last();
  start_member();
  return {};
}

Status GzipSource::inflate_failed(int code) {
  if (code == ISAL_INCORRECT_CHECKSUM) {
    note("does not match its checksum");
    return member_ended();
  }
  note("cannot be inflated");
  broken_ = true;
  return {};
}

/// ISA-L returns at a fault at once, also while what it inflated before lies in its own buffer.
std::size_t GzipSource::take_held_back(std::uint8_t* out, std::size_t size) {
  const auto held = static_cast<std::size_t>(std::max(0, state_.tmp_out_valid - state_.tmp_out_processed));
  const std::size_t taken = std::min(held, size);
  std::memcpy(out, state_.tmp_out_buffer + state_.tmp_out_processed, taken);
  state_.tmp_out_processed += static_cast<std::int32_t>(taken);
  ended_ = taken == held;
  return taken;
}

Expected<std::size_t> GzipSource::read(std::uint8_t* out, std::size_t size) {
  std::size_t got = 0;
  while (got < size && !ended_) {
    if (broken_) {
      got += take_held_back(out + got, size - got);
      continue;
    }
    if (state_.avail_in == 0 && !input_ended_) TG_TRY(refill_input());
    const auto room = static_cast<std::uint32_t>(
        std::min<std::size_t>(size - got, std::numeric_limits<std::uint32_t>::max()));
    state_.next_out = out + got;
    state_.avail_out = room;
    const std::uint32_t input_before = state_.avail_in;
    const int code = isal_inflate(&state_);
    const std::uint32_t written = room - state_.avail_out;
    got += written;
    if (code != ISAL_DECOMP_OK) {
      TG_TRY(inflate_failed(code));
    } else if (state_.block_state == ISAL_BLOCK_FINISH) {
      TG_TRY(member_ended());
    } else if (input_ended_ && state_.avail_in == 0 && state_.avail_out != 0) {
      // ISA-L reports success for a stream that just stops, and may hold output back until it is asked again.
      note("is cut off");
      ended_ = true;
    } else if (written == 0 && state_.avail_in == input_before && state_.avail_in != 0) {
      note("cannot be inflated");  // no progress on input that is there: never spin
      broken_ = true;
    }
  }
  return got;
}

}  // namespace

std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<ByteSource> compressed) {
  return std::make_unique<GzipSource>(std::move(compressed));
}

}  // namespace tidegauge
