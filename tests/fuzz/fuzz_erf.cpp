// libFuzzer entry point for ERF files.
#include <vector>

#include "tests/fuzz/fuzz_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> capture;  // four records to be recognised by: Ethernet, of 24 bytes each
  for (std::uint8_t i = 0; i < 4; ++i) {
    const std::uint8_t record[24] = {0, 0, 0, 0, i, 0, 0x5e, 0x5f, 2, 4, 0, 24, 0, 0, 0, 10};
    capture.insert(capture.end(), record, record + sizeof record);
  }
  capture.insert(capture.end(), data, data + size);
  tidegauge::fuzz::check_capture(capture.data(), capture.size());
  tidegauge::fuzz::check_capture(data, size);
  return 0;
}
