// bzip2 streams by libbz2.
#include <bzlib.h>

#include <algorithm>
#include <limits>

#include "ingest/source/decoder.hpp"

namespace tidegauge {
namespace {

class Bzip2Decoder final : public Decoder {
 public:
  Bzip2Decoder() = default;
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;

  void begin_unit() override {
    BZ2_bzDecompressEnd(&stream_);  // harmless before the first
    stream_ = {};
    TG_REQUIRE(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK, "out of memory");
  }
  DecodeStep decode(std::span<const std::uint8_t> in, bool last, std::span<std::uint8_t> out) override;

 private:
  bz_stream stream_{};
};

DecodeStep Bzip2Decoder::decode(std::span<const std::uint8_t> in, bool, std::span<std::uint8_t> out) {
  using End = DecodeStep::End;
  const auto room =
      static_cast<unsigned>(std::min<std::size_t>(out.size(), std::numeric_limits<unsigned>::max()));
  stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(in.data()));
  stream_.avail_in = static_cast<unsigned>(in.size());
  stream_.next_out = reinterpret_cast<char*>(out.data());
  stream_.avail_out = room;
  const int code = BZ2_bzDecompress(&stream_);
  return {static_cast<std::ptrdiff_t>(in.size() - stream_.avail_in), room - stream_.avail_out,
          code == BZ_STREAM_END ? End::unit
          : code == BZ_OK       ? End::none
                                : End::broken};
}

}  // namespace

std::unique_ptr<Decoder> make_bzip2_decoder() { return std::make_unique<Bzip2Decoder>(); }

}  // namespace tidegauge
