// A file's identity depends on its content alone, and a pipe has that of the file that it carries.
#include "ingest/source/fingerprint.hpp"

#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr std::size_t block = 64 << 10;

TEST(Fingerprint, AStreamHasTheIdentityOfItsFile) {
  Random random(1);
  const ScratchFolder scratch;
  const Bytes bytes = random_payload(random, 300 * block);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block - 1, block, block + 1, 31 * block + 5, 32 * block - 1,
                                 32 * block, 32 * block + 1, 33 * block, 64 * block, 64 * block + 1, 65 * block, 129 * block + 7,
                                 300 * block}) {
    write_bytes(scratch / "f", prefix(bytes, size));
    const auto file = fingerprint_file(scratch / "f");
    ASSERT_TRUE(file);
    for (const std::size_t piece : {std::size_t{1000}, block, 3 * block + 1}) {
      StreamFingerprint stream;
      for (std::size_t at = 0; at < size; at += piece) stream.add(bytes.data() + at, std::min(piece, size - at));
      EXPECT_EQ(stream.value(), *file) << size << " bytes in pieces of " << piece;
    }
    EXPECT_EQ(file->size, size);
  }
}

TEST(Fingerprint, TheFirstAndTheLastBytesCount) {
  Random random(2);
  const ScratchFolder scratch;
  Bytes bytes = random_payload(random, 100 * block + 77);
  const auto print = [&] {
    write_bytes(scratch / "f", bytes);
    return fingerprint_file(scratch / "f")->text();
  };
  const std::string before = print();
  EXPECT_TRUE(before.starts_with(std::to_string(bytes.size()) + "-"));
  for (const std::size_t at : {std::size_t{0}, block - 1, bytes.size() - 1, bytes.size() - block}) {
    bytes[at] ^= 1;
    EXPECT_NE(print(), before) << at;
    bytes[at] ^= 1;
  }
  EXPECT_EQ(print(), before);
}

TEST(Fingerprint, OnlyOfFilesThatAreThere) {
  const ScratchFolder scratch;
  EXPECT_FALSE(fingerprint_file(scratch / "absent"));
  EXPECT_FALSE(fingerprint_file(scratch.path().string()));
  EXPECT_FALSE(fingerprint_file("/dev/null"));
}

}  // namespace
}  // namespace tidegauge
