// Where results go: stdout, or a file that appears whole or not at all (written beside its name, then renamed).
// Tested by tests/tools/bin_export_test.cpp.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

class OutputFile {
 public:
  /// @param path "" or "-" for stdout.
  static Expected<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  ///< without finish() the file is not there

  Status write(std::string_view text);
  Status finish();

 private:
  OutputFile(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  std::string part() const { return path_ + ".part"; }
  Error failure() const;
  std::FILE* file_;
  std::string path_;  ///< empty for stdout
};

/// A whole text at once.
Status write_whole(const std::string& path, std::string_view text);

}  // namespace tidegauge
