// For archives larger than the disk: what was fetched is counted into a series file at once and deleted once it is in. One
// file is counted while others come; who brings the next one waits for it, so that files do not pile up.
// Killed between counting and deleting, a file is found to be in already by the next run, and goes then.
// Thread safety: one caller. Tested by tests/tools/fetch_test.cpp.
#pragma once

#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "host/bin_traces.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

class BinAndDelete {
 public:
  /// An error where the series file is there and cannot be read.
  static Expected<std::unique_ptr<BinAndDelete>> open(BinOptions options);

  /// Whether the series file had a trace of this file's name when it was opened.
  bool has(const std::string& name) const { return names_.contains(name); }
  /// Counts the file and deletes it, behind the caller's back. A file that fails stays, and so does one that a stop met.
  void take(const std::string& path);
  /// Waits for the last one. What became of each that was taken, in order.
  const std::vector<BinnedFile>& finish();

 private:
  explicit BinAndDelete(BinOptions options) : options_(std::move(options)) {}
  BinnedFile count(const std::string& path) const;
  BinOptions options_;
  std::set<std::string> names_;
  std::future<BinnedFile> in_work_;
  std::vector<BinnedFile> done_;
};

}  // namespace tidegauge
