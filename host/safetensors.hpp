// The safetensors container (huggingface/safetensors, README "Format"): u64 little-endian header length, a JSON header
// {name: {dtype, shape, data_offsets}, "__metadata__": {text: text}}, then the tensors' bytes without holes.
// Files come from outside: lengths, offsets, overlaps, holes, types and shapes are checked before anything is used, and
// nothing is allocated that the file itself does not hold.
// Cost: one read or write of the file. Thread safety: values. Tested by tests/host/safetensors_test.cpp.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct Tensor {
  std::string dtype;               ///< "F32" or "F64" when written here; any known type when read
  std::vector<std::size_t> shape;
  std::vector<std::byte> bytes;    ///< little-endian, row-major
  std::size_t count() const;

  static Tensor of(std::span<const float> values, std::vector<std::size_t> shape);
  static Tensor of(std::span<const double> values, std::vector<std::size_t> shape);
  /// F32 or F64 as float / double; anything else is an error.
  Expected<std::vector<float>> floats() const;
  Expected<std::vector<double>> doubles() const;
};

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

std::vector<std::byte> encode_safetensors(const TensorFile& file);
/// @param where names the source in errors.
Expected<TensorFile> decode_safetensors(std::span<const std::byte> bytes, const std::string& where);

Expected<TensorFile> read_safetensors(const std::string& path);
/// Writes beside the target (output_target of output_file.hpp), flushes to disk, and renames: a reader sees the old file
/// or the new one.
Status write_safetensors(const std::string& path, const TensorFile& file);

}  // namespace tidegauge
