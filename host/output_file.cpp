#include "host/output_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "ingest/formats/walk_session.hpp"
#include "ingest/source/byte_source.hpp"
#include "ingest/source/compression.hpp"

namespace tidegauge {

namespace {

namespace fs = std::filesystem;

/// The first bytes of a file, zeros where it is shorter or cannot be read.
using Head = std::array<char, 16>;
Head head_of(const std::string& path) {
  Head head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return head;
}

bool is_database(const Head& head) {
  return std::string_view(head.data(), head.size()) == std::string_view("SQLite format 3\0", 16);
}

/// A safetensors file: the length of a header in eight bytes, and a JSON object.
bool is_model(const Head& head, std::uint64_t file_bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, head.data(), sizeof length);
  return length >= 2 && file_bytes >= sizeof length && length <= file_bytes - sizeof length && head[sizeof length] == '{';
}

bool is_compressed(const Head& head) {
  return recognise_compression({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()}) != nullptr;
}

/// What `bin` would read.
bool is_capture(const std::string& path) {
  auto source = open_source(path);
  if (!source) return false;
  const WalkOptions options;
  WalkSession session(path, **source, options, kUnitHeadBytes);
  return recognise_format(session).has_value();
}

/// What a file that is there is, in words, if it would be lost under such an output; else empty.
std::string lost_under(OutputKind kind, const std::string& path) {
  std::error_code unknown;
  const std::uint64_t bytes = fs::file_size(path, unknown);
  if (unknown || bytes == 0) return "";
  const Head head = head_of(path);
  if (is_database(head)) return "a series file or another database";
  if (is_model(head, bytes)) return kind == OutputKind::model ? "" : "a model";
  if (kind == OutputKind::capture) return "";
  return is_compressed(head) ? "a compressed file" : is_capture(path) ? "a capture" : "";
}

/// Also a link to what is not there yet; fs::canonical would stop before it.
fs::path behind_links(fs::path path) {
  constexpr int most_links = 40;  // what the kernel follows
  std::error_code error;
  for (int i = 0; i < most_links && fs::is_symlink(path, error); ++i) {
    const fs::path next = fs::read_symlink(path, error);
    if (error) break;
    path = path.parent_path() / next;  // an absolute one replaces it
  }
  return path;
}

}  // namespace

Expected<std::string> output_target(const std::string& path, OutputKind kind) {
  std::error_code error;
  const auto type = fs::status(path, error).type();
  if (type == fs::file_type::none)
    return Error{"cannot be written: " + error.message(), path, "check the path and its permissions"};
  if (type == fs::file_type::directory) return Error{"is a folder", path, "the name of a file in it", ErrorKind::usage};
  if (type != fs::file_type::not_found && type != fs::file_type::regular)
    return Error{"is not a regular file, and is not replaced by one", path, "another name; - for stdout"};
  if (const std::string lost = lost_under(kind, path); !lost.empty())
    return Error{"is " + lost + ", and is not overwritten", path, "another name, or delete it first", ErrorKind::usage};
  return behind_links(path).string();
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  const fs::path left = fs::weakly_canonical(behind_links(a), error), right = fs::weakly_canonical(behind_links(b), error);
  return !left.empty() && left == right;
}

Expected<OutputFile> OutputFile::create(const std::string& path, OutputKind kind) {
  if (path.empty() || path == "-") return OutputFile(stdout, "", "");
  std::error_code absent;
  const auto type = fs::status(path, absent).type();
  if (type == fs::file_type::fifo || type == fs::file_type::character) {
    OutputFile output(std::fopen(path.c_str(), "wbe"), path, "");
    if (!output.file_) return output.failure();
    return output;
  }
  auto target = output_target(path, kind);
  if (!target) return std::move(target).error();
  OutputFile output(std::fopen((*target + ".part").c_str(), "wbe"), path, *target);
  if (!output.file_) return output.failure();
  return output;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), path_(std::move(other.path_)), target_(std::move(other.target_)) {}

OutputFile::~OutputFile() {
  if (!file_ || path_.empty()) return;
  std::fclose(file_);
  if (is_undone()) std::remove(part().c_str());
}

Error OutputFile::failure() const {
  return {std::string("cannot be written: ") + std::strerror(errno), path_.empty() ? "stdout" : path_,
          "check the path, its permissions and the space on the disk"};
}

Status OutputFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) return failure();
  return {};
}

Status OutputFile::finish() {
  if (path_.empty()) {
    if (std::fflush(file_) != 0) return failure();
    return {};
  }
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (closed && (!is_undone() || std::rename(part().c_str(), target_.c_str()) == 0)) return {};
  Error error = failure();
  if (is_undone()) std::remove(part().c_str());
  return error;
}

Status write_whole(const std::string& path, std::string_view text) {
  auto file = OutputFile::create(path);
  if (!file) return std::move(file).error();
  TG_TRY(file->write(text));
  return file->finish();
}

}  // namespace tidegauge
