#include "host/fetch/bin_and_delete.hpp"

#include <filesystem>
#include <utility>

#include "host/store.hpp"

namespace tidegauge {

namespace fs = std::filesystem;

Expected<std::unique_ptr<BinAndDelete>> BinAndDelete::open(BinOptions options) {
  std::unique_ptr<BinAndDelete> made(new BinAndDelete(std::move(options)));
  if (!fs::exists(made->options_.series)) return made;
  const auto series = SeriesFile::open(made->options_.series, OpenMode::read);
  if (!series) return series.error();
  const auto traces = series->traces();
  if (!traces) return traces.error();
  for (const TraceRecord& trace : *traces) made->names_.insert(fs::path(trace.path).filename().string());
  return made;
}

void BinAndDelete::take(const std::string& path) {
  finish();
  in_work_ = std::async(std::launch::async, [this, path] { return count(path); });
}

const std::vector<BinnedFile>& BinAndDelete::finish() {
  if (in_work_.valid()) done_.push_back(in_work_.get());
  return done_;
}

BinnedFile BinAndDelete::count(const std::string& path) const {
  BinnedFile file{.path = path, .outcome = BinOutcome::failed, .trace = {}, .error = {}, .remark = {}};
  auto report = bin_traces({path}, options_);
  if (!report) file.error = std::move(report).error();
  else file = std::move(report->files.at(0));
  if (file.outcome != BinOutcome::added && file.outcome != BinOutcome::already_in) return file;
  std::error_code failure;
  fs::remove(path, failure);
  if (failure) file.error = Error{"is counted, but cannot be deleted: " + failure.message(), path, "delete it by hand"};
  return file;
}

}  // namespace tidegauge
