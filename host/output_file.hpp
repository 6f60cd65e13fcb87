// Where results go: stdout, a pipe or a character device as it is, or a file that appears whole or not at all (written
// beside its name, then renamed). A symbolic link stays one: what it names is replaced.
// Tested by tests/host/output_file_test.cpp and tests/tools/bin_export_test.cpp.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// What is written. Captures, compressed files, models and databases that are there are replaced by their own kind only, and
/// databases never: a slip of the hand must not cost a trace.
enum class OutputKind { text, capture, model };

/// The file that a result named `path` replaces or becomes, behind all symbolic links. An error where that is no regular
/// file, or one that is not to be lost under this kind.
Expected<std::string> output_target(const std::string& path, OutputKind kind);

/// Whether both names lead to one file, there or not yet.
bool same_file(const std::string& a, const std::string& b);

class OutputFile {
 public:
  /// @param path "" or "-" for stdout.
  static Expected<OutputFile> create(const std::string& path, OutputKind kind = OutputKind::text);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  ///< without finish() a file is not there, and one that was there is as it was

  Status write(std::string_view text);
  Status finish();
  /// Whether what was written is gone without finish(); not so on stdout, pipes and devices.
  bool is_undone() const { return !target_.empty(); }

 private:
  OutputFile(std::FILE* file, std::string path, std::string target)
      : file_(file), path_(std::move(path)), target_(std::move(target)) {}
  std::string part() const { return target_ + ".part"; }
  Error failure() const;
  std::FILE* file_;
  std::string path_;    ///< as given
  std::string target_;  ///< what `part` is renamed to; empty where it is written in place
};

/// A whole text at once.
Status write_whole(const std::string& path, std::string_view text);

}  // namespace tidegauge
