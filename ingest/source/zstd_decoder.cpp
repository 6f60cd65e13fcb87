// zstd (RFC 8878) by libzstd: frames, skippable ones too.
#include <zstd.h>
#include <zstd_errors.h>

#include "ingest/source/decoder.hpp"
#include "ingest/source/frame_feed.hpp"

namespace tidegauge {
namespace {

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    TG_REQUIRE(context_ != nullptr, "out of memory");
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, static_cast<int>(kMaxWindowLog));
  }
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  void begin_unit() override {
    ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
    feed_.begin_frame();
  }
  DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) override;
  std::string refusal() const override { return refusal_; }

 private:
  DecodeStep failed(std::size_t code, std::size_t fed);

  ZSTD_DCtx* context_;
  FrameFeed feed_{5, 3};  // the shortest frame header, a block header
  std::string refusal_;
};

DecodeStep ZstdDecoder::failed(std::size_t code, std::size_t fed) {
  using End = DecodeStep::End;
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_checksum_wrong:
      return {static_cast<std::ptrdiff_t>(fed), 0, End::wrong_checksum};
    case ZSTD_error_frameParameter_windowTooLarge:
      refusal_ = "needs a window of more than " + std::to_string(1u << (kMaxWindowLog - 20)) + " MiB";
      return {0, 0, End::refused};
    case ZSTD_error_dictionary_wrong:
      refusal_ = "needs a dictionary";
      return {0, 0, End::refused};
    case ZSTD_error_version_unsupported:
      refusal_ = "is of an old version of zstd";
      return {0, 0, End::refused};
    default:
      return {0, 0, End::broken};
  }
}

DecodeStep ZstdDecoder::decode(std::span<const std::uint8_t> in, bool, std::span<std::uint8_t> out) {
  DecodeStep step;
  // The second round is for a first that was to flush and found nothing.
  for (int round = 0; round < 2 && step.taken == 0 && step.written == 0; ++round) {
    ZSTD_inBuffer input{in.data(), feed_.next(in.size()), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(code)) return failed(code, input.size);
    feed_.answered(code, output.pos == output.size);
    step = {static_cast<std::ptrdiff_t>(input.pos), output.pos, code == 0 ? DecodeStep::End::unit : DecodeStep::End::none};
    if (code == 0) break;
  }
  return step;
}

}  // namespace

std::unique_ptr<Decoder> make_zstd_decoder() { return std::make_unique<ZstdDecoder>(); }

}  // namespace tidegauge
