// What `fetch` says of its files: the plan of a dry run, the sums, JSON, the exit status. Tested by tests/tools/fetch_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/fetch/archives.hpp"
#include "host/fetch/transfer.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// A file, or a folder that the server does not have, and what became of it.
struct FetchEntry {
  ArchiveFile file;
  std::string path;      ///< empty for a folder
  TransferResult result{};
  bool counted = false;  ///< it is in the series file, and not on the disk
};

struct FetchReport {
  std::vector<FetchEntry> entries;
  std::vector<std::string> notes{};  ///< what is known of the days
  std::string series{};              ///< that files were counted into; may be empty
  bool dry_run = false;              ///< what counts as fetched is only planned
  bool interrupted = false;
  double seconds = 0;

  std::size_t count(TransferOutcome outcome) const;
};

void print_fetch_json(const FetchReport& report);
void print_fetch_plan(const FetchReport& report);
void print_fetch_summary(const FetchReport& report);

/// The job's status: the only file's own error, or how many failed after each was named. Missing files are no failure, unless
/// all are.
Status fetch_verdict(const FetchReport& report);

}  // namespace tidegauge
