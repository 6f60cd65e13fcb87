#include "host/compressed_output.hpp"

#include <random>

#include "ingest/source/byte_source.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::ScratchFolder;

std::string read_back(const std::string& path, const char* compression) {
  auto source = open_source(path);
  if (!source) return source.error().message();
  EXPECT_EQ((*source)->compression(), compression);
  std::string text(std::size_t{4} << 20, '\0');
  const auto size = (*source)->read(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  if (!size) return size.error().message();
  EXPECT_EQ((*source)->damage().words(), "");
  text.resize(*size);
  return text;
}

TEST(CompressedOutput, ComesBackAsItWasInAnyPortions) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::string whole(700'000, '\0');
  for (std::size_t i = 0; i < whole.size(); ++i)
    whole[i] = static_cast<char>(i % 3 == 0 ? random() : i / 1000);  // some of it does not compress
  ScratchFolder scratch;
  const std::tuple<OutputCompression, const char*, const char*> table[] = {
      {OutputCompression::none, "a", ""}, {OutputCompression::gzip, "a.gz", "gzip"}, {OutputCompression::zstd, "a.zst", "zstd"}};
  for (const auto& [compression, name, words] : table) {
    EXPECT_EQ(compression_of_name(name), compression);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300'000}, whole.size()}) {
      std::string packed;
      const auto output = CompressedOutput::create(compression, [&](std::string_view bytes) { return packed += bytes, Status(); });
      for (std::size_t at = 0; at < size;) {
        const std::size_t portion = std::min<std::size_t>(size - at, random() % 200'000);
        ASSERT_TRUE(output->write(std::string_view(whole).substr(at, portion)));
        at += portion;
      }
      ASSERT_TRUE(output->finish());
      test::write_text(scratch / name, packed);
      EXPECT_TRUE(read_back((scratch / name).string(), words) == whole.substr(0, size)) << name << " " << size;
      EXPECT_TRUE(compression == OutputCompression::none || size < 1000 || packed.size() < size) << name;
    }
  }
}

TEST(CompressedOutput, AnErrorOfTheWriterIsPassedOn) {
  for (const auto compression : {OutputCompression::none, OutputCompression::gzip, OutputCompression::zstd}) {
    const auto output = CompressedOutput::create(compression, [](std::string_view) -> Status { return Error{"full", "", ""}; });
    const Status written = output->write("packets");
    EXPECT_FALSE(written && output->finish());
  }
}

}  // namespace
}  // namespace tidegauge
