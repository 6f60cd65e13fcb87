#include "host/compressed_output.hpp"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

class Plain final : public CompressedOutput {
 public:
  explicit Plain(Write write) : write_(std::move(write)) {}
  Status write(std::string_view text) override { return write_(text); }
  Status finish() override { return {}; }

 private:
  Write write_;
};

class Gzip final : public CompressedOutput {
 public:
  explicit Gzip(Write write) : write_(std::move(write)), block_(kBlockBytes), work_(ISAL_DEF_LVL1_DEFAULT) {
    isal_deflate_init(&stream_);
    stream_.level = 1;
    stream_.level_buf = work_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(work_.size());
    stream_.gzip_flag = IGZIP_GZIP;
  }
  Status write(std::string_view text) override {
    for (; text.size() > kMostAtOnce; text.remove_prefix(kMostAtOnce)) TG_TRY(deflate(text.substr(0, kMostAtOnce)));
    return deflate(text);
  }
  Status finish() override {
    stream_.end_of_stream = 1;
    return deflate({});
  }

 private:
  static constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // its count of bytes has 32 bits

  Status deflate(std::string_view text) {
    stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<std::uint32_t>(text.size());
    do {
      stream_.next_out = block_.data();
      stream_.avail_out = static_cast<std::uint32_t>(block_.size());
      TG_REQUIRE(isal_deflate(&stream_) == COMP_OK, "deflate refuses bytes");
      const std::size_t size = block_.size() - stream_.avail_out;
      if (size != 0) TG_TRY(write_({reinterpret_cast<const char*>(block_.data()), size}));
    } while (stream_.avail_out == 0 || stream_.avail_in != 0);
    return {};
  }

  Write write_;
  std::vector<std::uint8_t> block_, work_;
  isal_zstream stream_{};
};

class Zstd final : public CompressedOutput {
 public:
  explicit Zstd(Write write) : write_(std::move(write)), block_(ZSTD_CStreamOutSize()), context_(ZSTD_createCCtx()) {
    TG_REQUIRE(context_ != nullptr, "no memory for a zstd context");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Status write(std::string_view text) override { return compress(text, ZSTD_e_continue); }
  Status finish() override { return compress({}, ZSTD_e_end); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  Status compress(std::string_view text, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{block_.data(), block_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
      if (ZSTD_isError(left)) return Error{std::string("zstd: ") + ZSTD_getErrorName(left), "", ""};
      if (out.pos != 0) TG_TRY(write_({block_.data(), out.pos}));
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  Write write_;
  std::vector<char> block_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

OutputCompression compression_of_name(std::string_view path) {
  if (path.ends_with(".gz")) return OutputCompression::gzip;
  return path.ends_with(".zst") ? OutputCompression::zstd : OutputCompression::none;
}

std::unique_ptr<CompressedOutput> CompressedOutput::create(OutputCompression compression, Write write) {
  switch (compression) {
    case OutputCompression::none: return std::make_unique<Plain>(std::move(write));
    case OutputCompression::gzip: return std::make_unique<Gzip>(std::move(write));
    case OutputCompression::zstd: return std::make_unique<Zstd>(std::move(write));
  }
  TG_REQUIRE(false, "no such compression");
  return nullptr;
}

}  // namespace tidegauge
