// lz4 by liblz4: frames (lz4 frame format 1.6.2), skippable ones too.
#include <lz4frame.h>

#include <string_view>

#include "ingest/source/decoder.hpp"
#include "ingest/source/frame_feed.hpp"

namespace tidegauge {
namespace {

class Lz4Decoder final : public Decoder {
 public:
  Lz4Decoder() {
    TG_REQUIRE(!LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)), "out of memory");
  }
  ~Lz4Decoder() override { LZ4F_freeDecompressionContext(context_); }
  Lz4Decoder(const Lz4Decoder&) = delete;
  Lz4Decoder& operator=(const Lz4Decoder&) = delete;

  void begin_unit() override {
    LZ4F_resetDecompressionContext(context_);
    feed_.begin_frame();
  }
  DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) override;

 private:
  LZ4F_dctx* context_ = nullptr;
  FrameFeed feed_{7, 4};  // the shortest frame header, a block header
};

DecodeStep Lz4Decoder::decode(std::span<const std::uint8_t> in, bool, std::span<std::uint8_t> out) {
  using End = DecodeStep::End;
  DecodeStep step;
  // The second round is for a first that was to flush and found nothing.
  for (int round = 0; round < 2 && step.taken == 0 && step.written == 0; ++round) {
    const std::size_t fed = feed_.next(in.size());
    std::size_t taken = fed;
    step.written = out.size();
    const std::size_t code =
        LZ4F_decompress(context_, out.data(), &step.written, in.data(), &taken, nullptr);
    step.taken = static_cast<std::ptrdiff_t>(taken);
    if (LZ4F_isError(code)) {
      const bool checksum = std::string_view(LZ4F_getErrorName(code)) == "ERROR_contentChecksum_invalid";
      return checksum ? DecodeStep{static_cast<std::ptrdiff_t>(fed), 0, End::wrong_checksum} : DecodeStep{0, 0, End::broken};
    }
    feed_.answered(code, step.written == out.size());
    if (code == 0) {
      step.end = End::unit;
      break;
    }
  }
  return step;
}

}  // namespace

std::unique_ptr<Decoder> make_lz4_decoder() { return std::make_unique<Lz4Decoder>(); }

}  // namespace tidegauge
