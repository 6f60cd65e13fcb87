// xz streams by liblzma.
#include <lzma.h>

#include "ingest/source/decoder.hpp"

namespace tidegauge {
namespace {

// The dictionary, and what the decoder needs beside it.
constexpr std::uint64_t kMemoryLimit = (std::uint64_t{1} << kMaxWindowLog) + (std::uint64_t{1} << 20);

class XzDecoder final : public Decoder {
 public:
  XzDecoder() = default;
  ~XzDecoder() override { lzma_end(&stream_); }
  XzDecoder(const XzDecoder&) = delete;
  XzDecoder& operator=(const XzDecoder&) = delete;

  void begin_unit() override {
    TG_REQUIRE(lzma_stream_decoder(&stream_, kMemoryLimit, 0) == LZMA_OK, "out of memory");
  }
  DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) override;
  std::string refusal() const override {
    return "needs " + std::to_string(lzma_memusage(&stream_) >> 20) + " MiB of memory, more than " +
           std::to_string(kMemoryLimit >> 20) + ",";
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

DecodeStep XzDecoder::decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) {
  using End = DecodeStep::End;
  stream_.next_in = in.data();
  stream_.avail_in = in.size();
  stream_.next_out = out.data();
  stream_.avail_out = out.size();
  const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
  DecodeStep step{static_cast<std::ptrdiff_t>(in.size() - stream_.avail_in), out.size() - stream_.avail_out, End::broken};
  if (code == LZMA_OK || code == LZMA_BUF_ERROR) step.end = End::none;  // BUF_ERROR: there was nothing to do
  if (code == LZMA_STREAM_END) step.end = End::unit;
  if (code == LZMA_MEMLIMIT_ERROR) step.end = End::refused;
  return step;
}

}  // namespace

std::unique_ptr<Decoder> make_xz_decoder() { return std::make_unique<XzDecoder>(); }

}  // namespace tidegauge
