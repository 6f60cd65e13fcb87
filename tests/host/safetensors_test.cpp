#include "host/safetensors.hpp"

#include <cstring>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

std::vector<std::byte> file_of(const std::string& header, std::size_t data_size, std::uint64_t length) {
  std::vector<std::byte> bytes(8 + header.size() + data_size);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}
std::vector<std::byte> file_of(const std::string& header, std::size_t data_size) {
  return file_of(header, data_size, header.size());
}

TEST(Safetensors, ReturnsWhatWasWritten) {
  test::ScratchFolder scratch;
  TensorFile file;
  file.metadata["note"] = "ünïcode \"quoted\"";
  file.tensors["b"] = Tensor::of(std::vector<float>{1, -2, 3.5f}, {3});
  file.tensors["a"] = Tensor::of(std::vector<double>{0.1, 0.2}, {1, 2});
  file.tensors["empty"] = Tensor::of(std::vector<float>{}, {0, 4});
  ASSERT_TRUE(write_safetensors(scratch / "t", file));
  const auto back = read_safetensors(scratch / "t");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->metadata, file.metadata);
  EXPECT_EQ(back->tensors.size(), 3u);
  EXPECT_EQ(*back->tensors.at("b").floats(), (std::vector<float>{1, -2, 3.5f}));
  EXPECT_EQ(*back->tensors.at("a").doubles(), (std::vector<double>{0.1, 0.2}));
  EXPECT_EQ(back->tensors.at("a").shape, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(encode_safetensors(*back), encode_safetensors(file));
}

TEST(Safetensors, RefusesHostileFiles) {
  struct Row { const char* why; std::vector<std::byte> bytes; };
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  ASSERT_TRUE(decode_safetensors(file_of(good, 8), "x"));
  const Row rows[] = {
      {"empty", {}},
      {"seven bytes", std::vector<std::byte>(7)},
      {"header length beyond the file", file_of(good, 8, 1000)},
      {"header length overflows", file_of(good, 8, ~0ull)},
      {"header length cuts the JSON", file_of(good, 8, good.size() - 1)},
      {"not JSON", file_of("nonsense", 0)},
      {"an array", file_of("[]", 0)},
      {"trailing bytes", file_of(good, 9)},
      {"data missing", file_of(good, 7)},
      {"offset beyond", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8)},
      {"offsets reversed", file_of(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}})", 8)},
      {"negative offset", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", 8)},
      {"shape too large for the data", file_of(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8)},
      {"shape overflows to the right size",
       file_of(R"({"a":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}})", 8)},
      {"overlap", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12)},
      {"hole", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12)},
      {"hole at the start", file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8)},
      {"unknown dtype", file_of(R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8)},
      {"dtype no text", file_of(R"({"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", 8)},
      {"fractional shape", file_of(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8)},
      {"three offsets", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8)},
      {"unknown member", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8)},
      {"entry no object", file_of(R"({"a":3})", 0)},
      {"same tensor twice", file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8)},
      {"metadata no text", file_of(R"({"__metadata__":{"a":1}})", 0)},
      {"deep nesting", file_of(std::string(200'000, '['), 0)},
  };
  for (const Row& row : rows) {
    const auto file = decode_safetensors(row.bytes, "x");
    EXPECT_FALSE(file) << row.why;
    if (!file) {
      EXPECT_EQ(file.error().where, "x");
    }
  }
}

// Any byte of a sound file changed, and any cut: refused or read, never a crash (the sanitizers watch).
TEST(Safetensors, SurvivesEveryDamagedByteAndCut) {
  TensorFile file;
  file.metadata["k"] = "v";
  file.tensors["w"] = Tensor::of(std::vector<float>{1, 2}, {2});
  const auto good = encode_safetensors(file);
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto cut = good;
    cut.resize(i);
    EXPECT_FALSE(decode_safetensors(cut, "x")) << i;
    for (std::uint64_t n = 0; n < 8; ++n) {
      auto changed = good;
      changed[i] = static_cast<std::byte>(random_bits(7, i, n));
      (void)decode_safetensors(changed, "x").has_value();
    }
  }
}

TEST(Safetensors, AFailedWriteLeavesTheOldFile) {
  test::ScratchFolder scratch;
  TensorFile file;
  const auto status = write_safetensors(scratch / "no/such/folder/t", file);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("cannot create"), std::string::npos);
  EXPECT_FALSE(read_safetensors(scratch / "absent"));
}

}  // namespace
}  // namespace tidegauge
