#include "host/output_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tidegauge {

namespace {
/// A slip of the hand (`-o jan.series`) must not cost the series.
bool is_database(const std::string& path) {
  char head[16] = {};
  std::ifstream(path, std::ios::binary).read(head, sizeof head);
  return std::string_view(head, sizeof head) == std::string_view("SQLite format 3\0", 16);
}
}  // namespace

Expected<OutputFile> OutputFile::create(const std::string& path) {
  if (path.empty() || path == "-") return OutputFile(stdout, "");
  std::error_code absent;
  const auto kind = std::filesystem::status(path, absent).type();
  if (kind != std::filesystem::file_type::not_found && kind != std::filesystem::file_type::regular)
    return Error{"is not a regular file, and is not replaced by one", path, "another name; - for stdout"};
  if (is_database(path))
    return Error{"is a series file or another database, and is not overwritten", path, "another name", ErrorKind::usage};
  OutputFile output(std::fopen((path + ".part").c_str(), "wbe"), path);
  if (!output.file_) return output.failure();
  return output;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)), path_(std::move(other.path_)) {}

OutputFile::~OutputFile() {
  if (!file_ || path_.empty()) return;
  std::fclose(file_);
  std::remove(part().c_str());
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
  if (std::fclose(std::exchange(file_, nullptr)) != 0 || std::rename(part().c_str(), path_.c_str()) != 0) {
    Error error = failure();
    std::remove(part().c_str());
    return error;
  }
  return {};
}

Status write_whole(const std::string& path, std::string_view text) {
  auto file = OutputFile::create(path);
  if (!file) return std::move(file).error();
  TG_TRY(file->write(text));
  return file->finish();
}

}  // namespace tidegauge
