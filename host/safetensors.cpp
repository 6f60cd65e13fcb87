#include "host/safetensors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "host/output_file.hpp"

namespace tidegauge {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in memory");

using nlohmann::json;

namespace {

constexpr std::size_t longest_header = 100'000'000;  // the limit of the reference implementation

std::optional<std::size_t> size_of_dtype(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {{"BOOL", 1}, {"U8", 1},   {"I8", 1},  {"I16", 2},
                                                           {"U16", 2},  {"F16", 2},  {"BF16", 2}, {"I32", 4},
                                                           {"U32", 4},  {"F32", 4},  {"F64", 8}, {"I64", 8},
                                                           {"U64", 8}};
  const auto found = sizes.find(dtype);
  if (found == sizes.end()) return std::nullopt;
  return found->second;
}

template <class T>
Tensor make_tensor(const char* dtype, std::span<const T> values, std::vector<std::size_t> shape) {
  Tensor tensor{dtype, std::move(shape), {}};
  TG_REQUIRE(tensor.count() == values.size(), "a tensor's shape must hold its values");
  tensor.bytes.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

template <class Out>
Expected<std::vector<Out>> convert(const Tensor& tensor) {
  std::vector<Out> out(tensor.count());
  const auto read = [&]<class In>(In) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      In value;
      std::memcpy(&value, tensor.bytes.data() + i * sizeof(In), sizeof(In));
      out[i] = static_cast<Out>(value);
    }
  };
  if (tensor.dtype == "F32") read(float{});
  else if (tensor.dtype == "F64") read(double{});
  else return Error{fmt::format("type {} where F32 or F64 is expected", tensor.dtype), "", ""};
  return out;
}

/// One entry of the header, checked on its own.
struct Entry {
  std::string name, dtype;
  std::vector<std::size_t> shape;
  std::size_t first = 0, last = 0;
};

Expected<Entry> read_entry(const std::string& name, const json& value, std::size_t data_size) {
  const auto refuse = [&](const char* what) { return Error{fmt::format("tensor '{}': {}", name, what), "", ""}; };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets"))
    return refuse("not exactly dtype, shape and data_offsets");
  const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
  const auto all_unsigned = [](const json& array) {
    return array.is_array() && std::all_of(array.begin(), array.end(), [](const json& v) { return v.is_number_unsigned(); });
  };
  if (!dtype.is_string() || !size_of_dtype(dtype.get<std::string>())) return refuse("unknown dtype");
  if (!all_unsigned(shape)) return refuse("the shape is not a list of sizes");
  if (!all_unsigned(offsets) || offsets.size() != 2) return refuse("data_offsets is not a pair of positions");
  Entry entry{name, dtype.get<std::string>(), shape.get<std::vector<std::size_t>>(), offsets[0].get<std::size_t>(),
              offsets[1].get<std::size_t>()};
  if (entry.first > entry.last || entry.last > data_size) return refuse("data_offsets lie outside the file");
  std::size_t size = *size_of_dtype(entry.dtype);
  for (std::size_t extent : entry.shape)
    if (__builtin_mul_overflow(size, extent, &size)) return refuse("the shape overflows");
  if (size != entry.last - entry.first) return refuse("the shape does not fit data_offsets");
  return entry;
}

/// The header as JSON; the same key twice, at the top or in an entry, is refused (JSON would keep the last one).
Expected<json> parse_header(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool twice = false;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    else if (event == json::parse_event_t::object_end) keys.pop_back();
    else if (event == json::parse_event_t::key) twice |= !keys.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  json header = json::parse(text, watch, false);
  if (twice) return Error{"the header has the same key twice", "", ""};
  if (!header.is_object()) return Error{"the header is not a JSON object", "", ""};
  return header;
}

Status check_layout(std::vector<Entry>& entries, std::size_t data_size) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.first, a.last) < std::pair(b.first, b.last);
  });
  std::size_t reached = 0;
  for (const Entry& entry : entries) {
    if (entry.first != reached)
      return Error{fmt::format("tensor '{}' {} the one before", entry.name,
                               entry.first < reached ? "overlaps" : "leaves a hole after"), "", ""};
    reached = entry.last;
  }
  if (reached != data_size) return Error{fmt::format("{} bytes after the last tensor", data_size - reached), "", ""};
  return {};
}

Expected<TensorFile> decode(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return Error{"shorter than a header", "", ""};
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > longest_header || length > bytes.size() - sizeof length)
    return Error{fmt::format("a header of {} bytes does not fit into the file", length), "", ""};
  const auto header_bytes = bytes.subspan(sizeof length, length);
  const auto data = bytes.subspan(sizeof length + length);
  auto header = parse_header({reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size()});
  if (!header) return header.error();

  TensorFile file;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header->items()) {
    if (name == "__metadata__") {
      if (!value.is_object() || !std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); }))
        return Error{"__metadata__ is not a map of texts", "", ""};
      file.metadata = value.get<std::map<std::string, std::string>>();
      continue;
    }
    auto entry = read_entry(name, value, data.size());
    if (!entry) return entry.error();
    entries.push_back(std::move(*entry));
  }
  TG_TRY(check_layout(entries, data.size()));
  for (Entry& e : entries) {
    const auto part = data.subspan(e.first, e.last - e.first);
    file.tensors[e.name] = Tensor{e.dtype, std::move(e.shape), {part.begin(), part.end()}};
  }
  return file;
}

Error system_error(const std::string& doing, const std::string& path) {
  return Error{fmt::format("cannot {}: {}", doing, std::strerror(errno)), path, "another path, or free space"};
}

Status write_all(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

std::size_t Tensor::count() const {
  std::size_t n = 1;
  for (std::size_t extent : shape) n *= extent;
  return n;
}

Tensor Tensor::of(std::span<const float> values, std::vector<std::size_t> shape) {
  return make_tensor("F32", values, std::move(shape));
}
Tensor Tensor::of(std::span<const double> values, std::vector<std::size_t> shape) {
  return make_tensor("F64", values, std::move(shape));
}
Expected<std::vector<float>> Tensor::floats() const { return convert<float>(*this); }
Expected<std::vector<double>> Tensor::doubles() const { return convert<double>(*this); }

std::vector<std::byte> encode_safetensors(const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors begin at a multiple of eight
  const std::uint64_t length = text.size();
  std::vector<std::byte> bytes(sizeof length + text.size() + offset);
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + sizeof length, text.data(), text.size());
  std::byte* out = bytes.data() + sizeof length + text.size();
  for (const auto& [name, tensor] : file.tensors) out = std::copy(tensor.bytes.begin(), tensor.bytes.end(), out);
  return bytes;
}

Expected<TensorFile> decode_safetensors(std::span<const std::byte> bytes, const std::string& where) {
  auto file = decode(bytes);
  if (file) return file;
  return Error{"not a sound safetensors file: " + file.error().what, where,
               "a model file that tidegauge train or safetensors.torch.save_file wrote"};
}

Expected<TensorFile> read_safetensors(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error("open", path);
  std::vector<std::byte> bytes;
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    const auto* first = reinterpret_cast<const std::byte*>(block.data());
    bytes.insert(bytes.end(), first, first + in.gcount());
  }
  if (in.bad()) return system_error("read", path);
  return decode_safetensors(bytes, path);
}

Status write_safetensors(const std::string& path, const TensorFile& file) {
  const auto target = output_target(path, OutputKind::model);
  if (!target) return target.error();
  const std::string beside = fmt::format("{}.{}.tmp", *target, ::getpid());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", beside);
  Status written = write_all(fd, encode_safetensors(file), beside);
  if (written && ::fsync(fd) != 0) written = system_error("flush", beside);
  if (::close(fd) != 0 && written) written = system_error("close", beside);
  if (written && ::rename(beside.c_str(), target->c_str()) != 0) written = system_error("rename to " + path, beside);
  if (!written) ::unlink(beside.c_str());
  return written;
}

}  // namespace tidegauge
